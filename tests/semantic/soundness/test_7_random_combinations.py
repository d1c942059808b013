"""Invariant: any metrics by any dimensions under any filter equal a recomputation in Python over the raw rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from customer360.warehouse.duckdb import DuckDBWarehouse

if TYPE_CHECKING:
    from tests.semantic.conftest import Ask

pytestmark = [pytest.mark.integration, pytest.mark.contract("S3.96")]

Row = Mapping[str, Any]

METRICS: dict[str, tuple[str, Callable[[list[Row]], Any]]] = {
    "customer_count": ("profile", len),
    "total_lifetime_value": ("profile", lambda rows: total(rows, "lifetime_value")),
    "total_spend": ("transactions", lambda rows: total(rows, "transaction_amount")),
    "transaction_count": ("transactions", len),
    "declined_transaction_count": ("transactions", lambda rows: sum(row["status"] == "declined" for row in rows)),
    "transacting_customer_count": ("transactions", lambda rows: len({row["customer_id"] for row in rows} - {None})),
    "order_count": ("transactions", lambda rows: len({row["order_id"] for row in rows} - {None})),
    "holding_count": ("holdings", len),
    "holder_count": ("holdings", lambda rows: len({row["customer_id"] for row in rows if row["is_active"]})),
    "customer_month_count": ("months", len),
    "total_month_spend": ("months", lambda rows: total(rows, "spend")),
}
DIMENSIONS = ["country", "card_type", "state", "customer_id"]
CONDITIONS: dict[tuple[str, str, Any], Callable[[Row], bool]] = {
    ("country", "=", "France"): lambda row: row["country"] == "France",
    ("country", "!=", "France"): lambda row: row["country"] not in (None, "France"),
    ("age", ">", 34): lambda row: row["age"] is not None and row["age"] > 34,
    ("card_type", "is_null", None): lambda row: row["card_type"] is None,
}
FINE_CONDITIONS: dict[tuple[str, str, Any], Callable[[Row], bool]] = {
    ("channel", "=", "Mobile"): lambda row: row["channel"] == "Mobile",
    ("is_travel", "=", True): lambda row: row["merchant_category_key"] == 2,
    ("transaction_amount", ">", 90): lambda row: (
        row["transaction_amount"] is not None and row["transaction_amount"] > 90
    ),
}


def total(rows: list[Row], name: str) -> Decimal | None:
    values = [row[name] for row in rows if row[name] is not None]
    return sum(values, Decimal(0)) if values else None


@pytest.fixture(scope="module")
def tables(warehouse: DuckDBWarehouse) -> dict[str, list[dict[str, Any]]]:
    """Return the raw rows, those of fine tables with their customer's attributes beside their own."""
    profile = warehouse.query("SELECT * FROM gold.customer_360_profile").to_pylist()
    by_id = {row["customer_id"]: row for row in profile}
    nobody = dict.fromkeys(["country", "card_type", "state", "age"])
    fine = {
        name: [{**by_id.get(row["customer_id"], nobody), **row} for row in warehouse.query(sql).to_pylist()]
        for name, sql in (
            ("transactions", "SELECT * FROM gold.fct_transactions"),
            ("holdings", "SELECT * FROM gold.fct_customer_products"),
            ("months", "SELECT * FROM gold.monthly_customer_spending"),
        )
    }
    return {"profile": profile, **fine}


def conditions(known: Mapping[tuple[str, str, Any], Any]) -> st.SearchStrategy[list[tuple[str, str, Any]]]:
    return st.lists(st.sampled_from(list(known)), max_size=2, unique=True)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    metrics=st.lists(st.sampled_from(list(METRICS)), min_size=1, max_size=4, unique=True),
    dimensions=st.lists(st.sampled_from(DIMENSIONS), max_size=2, unique=True),
    near=conditions(CONDITIONS),
    fine=conditions(FINE_CONDITIONS),
    negate_near=st.booleans(),
    negate_fine=st.booleans(),
)
def test_any_combination_equals_a_recomputation(
    ask: Ask,
    tables: dict[str, list[dict[str, Any]]],
    *,
    metrics: list[str],
    dimensions: list[str],
    near: list[tuple[str, str, Any]],
    fine: list[tuple[str, str, Any]],
    negate_near: bool,
    negate_fine: bool,
) -> None:
    def keeps(table: str, row: Row) -> bool:
        near_fits = all(CONDITIONS[one](row) for one in near)
        others = [one for one in tables["transactions"] if one["customer_id"] == row["customer_id"] is not None]
        candidates = [row] if table == "transactions" else others
        fine_fits = any(all(FINE_CONDITIONS[one](other) for one in fine) for other in candidates)
        return (not near or near_fits != negate_near) and (not fine or fine_fits != negate_fine)

    groups: dict[tuple[Any, ...], dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    if not dimensions:
        groups[()] = defaultdict(list)
    for table in {METRICS[name][0] for name in metrics}:
        for row in tables[table]:
            if keeps(table, row):
                groups[tuple(row[name] for name in dimensions)][table].append(row)
    expected = {(*key, *(METRICS[name][1](rows[METRICS[name][0]]) for name in metrics)) for key, rows in groups.items()}
    parts = [written(group, negate) for group, negate in ((near, negate_near), (fine, negate_fine)) if group]
    filters = {"and": parts} if parts else None
    table = ask(metrics=metrics, dimensions=dimensions, filters=filters).table
    assert set(zip(*(column.to_pylist() for column in table.columns), strict=True)) == expected
    assert table.num_rows == len(expected)


def written(group: list[tuple[str, str, Any]], negate: bool) -> dict[str, Any]:
    parts = [{"field": name, "op": op} | ({} if value is None else {"value": value}) for name, op, value in group]
    return {"not": {"and": parts}} if negate else {"and": parts}
