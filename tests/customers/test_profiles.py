"""One customer of the real data, against the raw files."""

from __future__ import annotations

import csv
import io
import tarfile
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from customer360.customers import (
    find_customers,
    get_customer,
    get_history,
    latest_transactions,
    list_customers,
    list_versions,
    monthly_spending,
)
from customer360.errors import Gone, InvalidCursor, NotFound
from customer360.semantic import Reader, build_query

pytestmark = pytest.mark.integration

LARGEST = "14646"


@pytest.fixture(scope="module")
def raw_lines(data_folder: Path) -> list[dict[str, str]]:
    """The lines of the largest customer, read from the archive with nothing of ours in between."""

    def lines() -> Iterator[dict[str, str]]:
        with tarfile.open(data_folder / "online_retail" / "by-day.tar.gz") as archive:
            for member in archive:
                file = archive.extractfile(member)
                if file is not None:
                    yield from csv.DictReader(io.TextIOWrapper(file, encoding="utf-8"))

    return [line for line in lines() if line["CustomerID"] == f"{LARGEST}.0"]


def amount(line: dict[str, str]) -> Decimal:
    return int(line["Quantity"]) * Decimal(line["UnitPrice"])


def test_the_profile_equals_a_recomputation_from_the_raw_files(
    online_retail: Reader, raw_lines: list[dict[str, str]]
) -> None:
    with online_retail.pin() as reading:
        values = get_customer(reading, LARGEST).values
    assert values["lifetime_value"] == sum(map(amount, raw_lines)) == Decimal("279489.02")
    assert values["total_transactions"] == len(raw_lines)
    assert values["last_transaction_date"].isoformat() == max(line["InvoiceDate"][:10] for line in raw_lines)
    assert values["country"] == "Netherlands"


@pytest.mark.contract("S3.75")
def test_months_add_up_to_the_raw_files(online_retail: Reader, raw_lines: list[dict[str, str]]) -> None:
    with online_retail.pin() as reading:
        months = monthly_spending(reading, LARGEST).table.to_pylist()
    wanted: dict[str, Decimal] = {}
    for line in raw_lines:
        month = line["InvoiceDate"][:7]
        wanted[month] = wanted.get(month, Decimal()) + amount(line)
    assert {row["transaction_date_month"].isoformat()[:7]: row["total_spend"] for row in months} == wanted


def test_the_latest_transactions_come_first_and_say_how_many_there_are(
    online_retail: Reader, raw_lines: list[dict[str, str]]
) -> None:
    with online_retail.pin() as reading:
        answer = latest_transactions(reading, get_customer(reading, LARGEST))
    days = answer.table.column("transaction_date").to_pylist()
    assert days == sorted(days, reverse=True)
    assert (answer.rows_returned, answer.rows_available) == (1000, len(raw_lines))
    assert answer.truncated


def test_every_profile_says_how_many_transactions_there_are_to_list(online_retail: Reader) -> None:
    listed = build_query(metrics=["transaction_count"], dimensions=["customer_id"], limit=10_000)
    told = build_query(fields=["customer_id", "total_transactions"], limit=10_000)
    with online_retail.pin() as reading:
        wanted = {row["customer_id"]: row["total_transactions"] for row in reading.ask(told).rows()}
        found = {row["customer_id"]: row["transaction_count"] for row in reading.ask(listed).rows()}
    assert len(wanted) > 4_000
    assert wanted == {customer_id: found.get(customer_id, 0) for customer_id in wanted}


@pytest.mark.parametrize(
    ("customer_id", "versions"),
    {
        "12370": 3,
        "12394": 2,
        "12417": 3,
        "12422": 3,
        "12429": 3,
        "12431": 5,
        "12455": 2,
        "12457": 3,
        "14646": 1,
    }.items(),
)
@pytest.mark.contract("S3.57")
def test_movers_have_the_versions_of_their_history(online_retail: Reader, customer_id: str, versions: int) -> None:
    with online_retail.pin() as reading:
        rows = list_versions(reading, customer_id).table.to_pylist()
    assert len(rows) == versions
    assert [row["valid_to"] for row in rows[:-1]] == [row["valid_from"] for row in rows[1:]]
    assert rows[-1]["valid_to"] is None


@pytest.mark.parametrize("customer_id", ["12431", LARGEST])
def test_a_history_is_the_profile_and_its_versions_in_one_answer(online_retail: Reader, customer_id: str) -> None:
    with online_retail.pin() as reading:
        history = get_history(reading, customer_id)
        profile, versions = get_customer(reading, customer_id), list_versions(reading, customer_id)
    assert (history.profile.values, history.profile.answer.columns) == (profile.values, profile.answer.columns)
    assert (history.versions.columns, history.versions.table) == (versions.columns, versions.table)
    assert (history.profile.answer.rows_available, history.versions.rows_available) == (1, versions.rows_available)


def test_a_history_of_nobody_is_not_found_and_everybody_has_one(online_retail: Reader) -> None:
    with online_retail.pin() as reading:
        with pytest.raises(NotFound, match="nobody"):
            get_history(reading, "nobody")
        without = reading.build.warehouse.query(
            "select customer_id from gold.customer_360_profile anti join gold.dim_customer using (customer_id)"
        )
    assert without.num_rows == 0


@pytest.mark.contract("S3.18")
def test_search_finds_a_part_of_an_id_and_takes_every_character_as_it_is(online_retail: Reader) -> None:
    with online_retail.pin() as reading:
        assert find_customers(reading, "1464").table.column("customer_id").to_pylist()[0] == LARGEST
        for text in ("%", "_", "'; drop table x --", "%%"):
            assert find_customers(reading, text).rows_available == 0


def test_an_unknown_customer_is_not_found(online_retail: Reader) -> None:
    with online_retail.pin() as reading, pytest.raises(NotFound, match="'nobody'"):
        get_customer(reading, "nobody")


@pytest.mark.contract("S1.28")
def test_pages_give_every_customer_once(online_retail: Reader) -> None:
    seen: list[str] = []
    cursor = None
    while True:
        page = list_customers(online_retail, filters={"region": "Europe"}, limit=1000, cursor=cursor)
        seen += page.answer.table.column("customer_id").to_pylist()
        cursor = page.next_cursor
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == page.rows_available
    assert seen == sorted(seen)


def test_a_cursor_of_other_filters_or_of_nonsense_is_refused(online_retail: Reader) -> None:
    cursor = list_customers(online_retail, limit=1).next_cursor
    with pytest.raises(InvalidCursor, match="other filters"):
        list_customers(online_retail, search="1", cursor=cursor)
    for nonsense in ("x", "AAAA", "eyJhIjoxfQ", "..", "%"):
        with pytest.raises(InvalidCursor):
            list_customers(online_retail, cursor=nonsense)


def test_a_cursor_whose_build_is_gone_says_so(online_retail: Reader) -> None:
    import base64
    import json

    cursor = list_customers(online_retail, limit=1).next_cursor
    assert cursor
    place = json.loads(base64.urlsafe_b64decode(cursor + "=="))
    place["build"] = "b20000101t000000_0000"
    stale = base64.urlsafe_b64encode(json.dumps(place).encode()).decode()
    with pytest.raises(Gone):
        list_customers(online_retail, cursor=stale)
