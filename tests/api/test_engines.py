"""The same data gives the same JSON on both engines, type by type, whatever is asked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from customer360.semantic import SemanticModel, load_model
from customer360.semantic.model import ROW_KINDS
from customer360.settings import project_files
from tests.api.conftest import serve

pytestmark = [pytest.mark.api, pytest.mark.xdist_group("snowflake")]

OF_THE_BUILD = {"build_id", "sql", "next", "next_url"}
"""Parts of an answer that name the build, which each engine has made for itself."""


@pytest.fixture(scope="module", params=["small_bank", "online_retail"])
def clients(request: pytest.FixtureRequest) -> Iterator[tuple[httpx.Client, httpx.Client]]:
    """Clients of two services on the same data: DuckDB's and Snowflake's."""
    home = request.getfixturevalue(f"{request.param}_home")
    copied = request.getfixturevalue(f"{request.param}_on_snowflake")
    for on_duckdb in serve(home):
        for on_snowflake in serve(copied.home, copied.account):
            yield on_duckdb, on_snowflake


@pytest.fixture(scope="module")
def model() -> SemanticModel:
    return load_model(project_files("semantic") / "customer_analytics.yaml")


def asked_of_both(clients: tuple[httpx.Client, httpx.Client], method: str, path: str, **options: Any) -> list[Any]:
    """Return what both answer; whole numbers are exact and unlike 1.0 and true, fractions have twelve digits."""
    answers = [client.request(method, path, **options) for client in clients]
    assert [answer.status_code for answer in answers] == [200, 200]
    return [without_build(json.loads(answer.text, parse_int=whole, parse_float=fraction)) for answer in answers]


def whole(number: str) -> tuple[str, int]:
    return "whole", int(number)


def fraction(number: str) -> tuple[str, str]:
    return "fraction", f"{float(number):.12g}"


def without_build(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name not in OF_THE_BUILD}


def test_every_field_of_every_table_is_the_same(
    clients: tuple[httpx.Client, httpx.Client], model: SemanticModel
) -> None:
    for table in model.tables:
        fields = [item.full_name for item in model.list_items(ROW_KINDS, table=table)]
        query = {"fields": fields, "limit": 1000}
        on_duckdb, on_snowflake = asked_of_both(clients, "POST", "/api/semantic/query", json=query)
        assert on_snowflake == on_duckdb


COMPARISONS: list[dict[str, Any]] = [
    {
        "metrics": [
            "median(lifetime_value)",
            "percentile(lifetime_value, 90)",
            "avg(age)",
            "stddev(total_transactions)",
        ],
        "dimensions": ["lifetime_value:500"],
    },
    {
        "metrics": [
            "total_spend",
            {"metric": "total_spend", "show": "share", "as": "share"},
            {"metric": "total_spend", "show": "moving_average"},
            {"metric": "total_spend", "show": "change_pct"},
        ],
        "dimensions": ["transaction_date:month"],
        "having": {"field": "total_spend", "op": ">", "than": {"agg": "median"}},
    },
    {
        "fields": ["customer_id", "lifetime_value"],
        "filters": {
            "and": [
                {"field": "lifetime_value", "op": ">", "than": {"by": ["country"]}},
                {"measure": "count_distinct(transaction_date)", "op": ">", "value": 5},
            ]
        },
    },
    {"metrics": ["total_spend"], "dimensions": ["customer_id"], "summary": "median"},
]


@pytest.mark.parametrize("query", COMPARISONS)
def test_comparisons_are_the_same(clients: tuple[httpx.Client, httpx.Client], query: dict[str, Any]) -> None:
    on_duckdb, on_snowflake = asked_of_both(clients, "POST", "/api/semantic/query", json=query)
    assert on_snowflake == on_duckdb
    assert on_duckdb["rows"]


def test_a_customer_is_the_same_in_all_parts(clients: tuple[httpx.Client, httpx.Client]) -> None:
    listed = clients[0].get("/api/customers/", params={"limit": 1000}).json()["rows"]
    for row in listed[::250]:
        for part in ("", "/products", "/transactions", "/monthly", "/versions"):
            on_duckdb, on_snowflake = asked_of_both(clients, "GET", f"/api/customers/{row['customer_id']}{part}")
            assert on_snowflake == on_duckdb


@pytest.mark.parametrize("text", ["a", "E", "ö", "É", "%", "_", "\\", "'", "  12 ", "@"])
@pytest.mark.parametrize("listing", ["customers", "products"])
def test_search_finds_the_same(clients: tuple[httpx.Client, httpx.Client], listing: str, text: str) -> None:
    page = {"search": text, "limit": 50}
    on_duckdb, on_snowflake = asked_of_both(clients, "GET", f"/api/{listing}/", params=page)
    assert on_snowflake == on_duckdb
