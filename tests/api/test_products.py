"""Products, holdings and the history of a customer over HTTP, against the files of the bank themselves."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import httpx
import pytest

pytestmark = pytest.mark.api


@pytest.fixture
def files(small_bank_home: Path) -> Path:
    return small_bank_home.parent / "small_bank_files"


def _rows(files: Path, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
    with duckdb.connect() as connection:
        connection.execute(f"set file_search_path = '{files}'")
        return connection.execute(sql, list(parameters)).fetchall()


@pytest.mark.contract("S1.31")
def test_products_are_listed_page_by_page(bank_client: httpx.Client, files: Path) -> None:
    expected = _rows(files, "select product_id, product_name, category, type from 'products.parquet' order by 1")
    seen = []
    for offset in range(0, len(expected) + 7, 7):
        page = bank_client.get("/api/products/", params={"limit": 7, "offset": offset}).json()
        assert page["rows_available"] == len(expected)
        assert page["truncated"] is True
        seen += page["rows"]
    names = ("product_id", "product_name", "product_category", "product_type")
    assert [tuple(row[name] for name in names) for row in seen] == expected
    assert bank_client.get("/api/products").json()["truncated"] is False


@pytest.mark.contract("S1.31")
def test_products_are_found_by_category_type_and_text(bank_client: httpx.Client, files: Path) -> None:
    for name, value in (("category", "Cards"), ("type", "add-on")):
        expected = _rows(files, f"select product_id from 'products.parquet' where {name} = $1 order by 1", value)
        found = bank_client.get("/api/products/", params={name: value}).json()["rows"]
        assert [(row["product_id"],) for row in found] == expected != []
    found = bank_client.get("/api/products/", params={"search": "FRAUD", "type": "add-on"}).json()["rows"]
    assert [row["product_id"] for row in found] == ["ADD-FRAUD-ALERTS"]
    assert bank_client.get("/api/products/", params={"search": "' or 1=1"}).json()["rows"] == []


@pytest.mark.contract("S1.32")
def test_one_product_comes_with_its_attributes(bank_client: httpx.Client, files: Path) -> None:
    [(attributes,)] = _rows(
        files, "select attributes from 'products.parquet' where product_id = $1", "ADD-FRAUD-ALERTS"
    )
    answer = bank_client.get("/api/products/ADD-FRAUD-ALERTS").json()
    assert answer["product"]["product_attributes"] == json.loads(attributes) != {}
    missing = bank_client.get("/api/products/ADD")
    assert (missing.status_code, missing.json()["code"]) == (404, "product_not_found")


@pytest.mark.contract("S1.10")
def test_a_customer_has_holdings_now_and_before(bank_client: httpx.Client, files: Path) -> None:
    [(customer,)] = _rows(
        files, "select customer_id from 'customer_products.parquet' where end_date is not null order by 1 limit 1"
    )
    held = "select product_id, start_date::varchar, end_date::varchar from 'customer_products.parquet' "
    everything = _rows(files, held + "where customer_id = $1 order by 2, 1", customer)
    now = _rows(files, held + "where customer_id = $1 and end_date is null order by 2, 1", customer)
    for historical, expected in ((True, everything), (False, now)):
        answer = bank_client.get(f"/api/customers/{customer}/products", params={"include_historical": historical})
        names = ("held_product_id", "holding_start_date", "holding_end_date")
        assert [tuple(row[name] for name in names) for row in answer.json()["rows"]] == expected
    assert len(everything) > len(now)


@pytest.mark.contract("S1.10")
def test_a_customer_has_transactions_months_and_versions(bank_client: httpx.Client, files: Path) -> None:
    [(customer, changes)] = _rows(
        files,
        "select customer_id, count(*) from 'customer_changes.parquet' where attribute = 'credit_limit' "
        "group by all order by 2 desc, 1 limit 1",
    )
    latest = bank_client.get(f"/api/customers/{customer}/transactions", params={"limit": 5}).json()
    [(total,)] = _rows(files, "select count(*) from 'transactions-*.parquet' where customer_id = $1", customer)
    assert (latest["rows_returned"], latest["rows_available"]) == (5, total)
    dates = [row["transaction_date"] for row in latest["rows"]]
    assert dates == sorted(dates, reverse=True)

    months = bank_client.get(f"/api/customers/{customer}/monthly").json()["rows"]
    expected = _rows(
        files,
        "select strftime(date_trunc('month', transaction_date), '%Y-%m-%d'), count(*), "
        "sum(transaction_amount) filter (status = 'approved') "
        "from 'transactions-*.parquet' where customer_id = $1 group by 1 order by 1",
        customer,
    )
    assert [(row["transaction_date_month"], row["transaction_count"]) for row in months] == [
        (month, count) for month, count, _ in expected
    ]
    assert [Decimal(str(row["total_spend"])) for row in months] == [amount for _, _, amount in expected]

    versions = bank_client.get(f"/api/customers/{customer}/versions").json()["rows"]
    assert len(versions) >= 1 + changes
    assert [row["valid_to"] for row in versions[:-1]] == [row["valid_from"] for row in versions[1:]]


@pytest.mark.parametrize("part", ["products", "transactions", "monthly", "versions"])
def test_nobody_has_nothing(bank_client: httpx.Client, part: str) -> None:
    answer = bank_client.get(f"/api/customers/nobody/{part}")
    assert (answer.status_code, answer.json()["code"]) == (404, "customer_not_found")
