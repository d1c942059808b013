"""A roll-up answers where it gives the same as the rows that it was made of, and nowhere else."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlglot import exp, parse_one

from customer360.errors import InvalidDefinition
from customer360.semantic import (
    Kind,
    SemanticModel,
    build_query,
    compile_query,
    expression_checks,
    run_query,
    without_rollups,
)
from customer360.warehouse import Warehouse
from tests.semantic.conftest import rows_of
from tests.semantic.test_model import build, metric, table

ROWS, BY_DAY, BY_AMOUNT = "fct_transactions", "transactions_by_day", "transactions_by_amount"
BY_CATEGORY, BY_MONTH = "transactions_by_customer_category", "transactions_by_customer_month"
BY_MERCHANT, BY_CUSTOMER = "transactions_by_merchant", "transactions_by_customer"
FINE = {ROWS, BY_DAY, BY_AMOUNT, BY_CUSTOMER, BY_MERCHANT, BY_CATEGORY, BY_MONTH}
Parts = dict[str, Any]


def where(field: str, value: Any, op: str = "=") -> Parts:
    return {"field": field, "op": op, "value": value}


MEDIAN = {"agg": "median", "field": "transaction_amount"}


def percentile(number: float) -> Parts:
    return {"agg": "percentile", "field": "transaction_amount", "percentile": number, "as": f"p{int(number)}"}


def where_counted(measure: str, more_than: int) -> Parts:
    return {"measure": measure, "op": ">", "value": more_than}


def between(*values: Any) -> Parts:
    return {"field": "transaction_date", "op": "between", "values": list(values)}


def of_state(*filters: Parts, by: str = "state") -> Parts:
    return {"metrics": ["total_spend"], "dimensions": [by], "filters": {"and": list(filters)}}


def read_tables(model: SemanticModel, parts: Parts, dialect: str = "duckdb") -> set[str]:
    """Return which of the fine tables a query reads."""
    sql = compile_query(model, build_query(parts), dialect).sql
    return {one.name for one in parse_one(sql, read=dialect).find_all(exp.Table)} & FINE


SERVED: list[tuple[str, Parts]] = [
    (BY_DAY, {"metrics": ["total_spend", "avg_transaction_amount", "transaction_count", "decline_rate"]}),
    (BY_DAY, {"metrics": ["decline_rate"], "dimensions": ["category_name"]}),
    (BY_DAY, {"metrics": ["total_spend"], "dimensions": ["transaction_date:week", "is_holiday"]}),
    (BY_DAY, {"metrics": ["max_transaction_amount"], "dimensions": ["channel", "transaction_weekday"]}),
    (BY_DAY, {"metrics": ["first_seen_date", "last_seen_date", "units_sold", "declined_amount", "returned_amount"]}),
    (BY_DAY, {"metrics": ["total_spend"], "filters": between("2024-01-02", "2024-02-02")}),
    (BY_DAY, {"metrics": [{"agg": "count_distinct", "field": "transaction_date"}], "dimensions": ["status"]}),
    (BY_DAY, {"metrics": [{"agg": "avg", "field": "transaction_amount"}], "dimensions": ["transaction_month_of_year"]}),
    (BY_AMOUNT, {"metrics": ["transaction_count"], "dimensions": ["transaction_amount:50"]}),
    (BY_AMOUNT, {"metrics": ["total_spend", "declined_amount"], "filters": where("transaction_amount", 5, ">")}),
    (BY_AMOUNT, {"metrics": [MEDIAN]}),
    (BY_AMOUNT, {"metrics": [MEDIAN], "dimensions": ["channel", "status"]}),
    (BY_AMOUNT, {"metrics": [MEDIAN, percentile(95), percentile(12.5)], "dimensions": ["transaction_type"]}),
    (BY_AMOUNT, {"metrics": [percentile(99.9)], "filters": where("status", "declined")}),
    (BY_AMOUNT, {"metrics": [percentile(0), percentile(100)], "filters": where("channel", "Nowhere")}),
    (BY_AMOUNT, {"metrics": [MEDIAN | {"field": "approved_amount"}], "filters": where("transaction_amount", 9, ">")}),
    (BY_AMOUNT, {"metrics": [MEDIAN | {"where": where("channel", "Online")}, percentile(7)]}),
    (BY_MERCHANT, {"metrics": ["total_spend"], "dimensions": ["merchant_name"], "order": ["-total_spend"]}),
    (BY_MERCHANT, {"metrics": ["total_spend"], "dimensions": ["merchant_name", "transaction_date:quarter"]}),
    (BY_CATEGORY, {"metrics": ["total_spend"], "dimensions": ["state", "category_name"]}),
    (BY_CATEGORY, {"metrics": ["transacting_customer_count", "guest_transaction_rate"], "dimensions": ["channel"]}),
    (BY_CATEGORY, {"metrics": ["customer_count"], "filters": {"not": where("category_name", "Airlines")}}),
    (BY_CUSTOMER, {"metrics": ["total_spend", "avg_transaction_amount"], "dimensions": ["state"]}),
    (BY_CUSTOMER, {"metrics": ["customer_count"], "filters": where_counted("declined_transaction_count", 1)}),
    (BY_CUSTOMER, {"fields": ["customer_id", "age"], "filters": where("status", "declined"), "limit": 2}),
    (BY_CATEGORY, {"fields": ["customer_id"], "filters": where("channel", "Mobile")}),
    (BY_MONTH, {"metrics": ["total_spend"], "dimensions": ["state", "transaction_date:month"]}),
    (BY_MONTH, {"metrics": ["avg_transaction_amount"], "dimensions": ["country", "transaction_year"]}),
    (BY_MONTH, of_state(between("2024-01-01", "2024-02-29"))),
    (BY_MONTH, of_state(where("transaction_date", "2024-02-01", ">="))),
    (BY_MONTH, of_state(where("transaction_date", date(2024, 3, 1), "<"))),
    (BY_MONTH, of_state(where("transaction_date", "2024-01-31", ">"), where("transaction_date", "2024-04-30", "<="))),
    (BY_MONTH, {"metrics": ["customer_count"], "filters": {"not": between("2024-02-01", "2024-03-31")}}),
    (BY_MONTH, {"metrics": ["customer_count"], "filters": {"field": "transaction_date", "op": "is_not_null"}}),
    (BY_MONTH, {"metrics": ["customer_count"], "filters": {"not": {"field": "transaction_date", "op": "is_null"}}}),
]  # fmt: skip

BESIDE: Parts = {"metrics": [MEDIAN, "total_spend", "decline_rate"], "dimensions": ["channel"]}
NOT_SERVED: dict[str, Parts] = {
    "a median by state": {"metrics": [MEDIAN], "dimensions": ["state"]},
    "a median beside a sum by state": {"metrics": ["total_spend", MEDIAN], "dimensions": ["state"]},
    "a median of two amounts": {"metrics": [MEDIAN, MEDIAN | {"field": "attempted_amount"}]},
    "a median of what is no amount": {"metrics": [{"agg": "median", "field": "quantity"}]},
    "a median of a coarser table": {"metrics": [{"agg": "median", "field": "age", "over": ROWS}]},
    "a deviation": {"metrics": [{"agg": "stddev", "field": "transaction_amount"}]},
    "a correlation": {"metrics": [{"agg": "corr", "field": "transaction_amount", "other": "quantity"}]},
    "a mean of doubles": {"metrics": [{"agg": "avg", "field": "quantity"}]},
    "a column that is counted once": {"metrics": ["order_count"]},
    "one such column among others": {"metrics": ["total_spend", "order_count"]},
    "a column that none has": {"metrics": ["total_spend"], "dimensions": ["order_id"]},
    "a filter on such a column": {"metrics": ["total_spend"], "filters": where("quantity", 1, ">")},
    "a filter on another amount": {"metrics": ["transaction_count"], "filters": where("attempted_amount", 5, ">")},
    "amounts by state": of_state(where("transaction_amount", 5, ">")),
    "a key of a table that none joins": {"metrics": ["total_spend"], "dimensions": ["product_name"]},
    "columns of two roll-ups": {"metrics": ["total_spend"], "dimensions": ["merchant_name", "state"]},
    "weeks by customer": {"metrics": ["total_spend"], "dimensions": ["state", "transaction_date:week"]},
    "days by merchant": {"metrics": ["total_spend"], "dimensions": ["merchant_name", "transaction_date:day"]},
    "days of the week by customer": {"metrics": ["total_spend"], "dimensions": ["state", "transaction_weekday"]},
    "calendar days by customer": {"metrics": ["total_spend"], "dimensions": ["state", "is_holiday"]},
    "a month that is cut short": of_state(between("2024-01-01", "2024-02-28")),
    "a month that begins late": of_state(between("2024-01-02", "2024-02-29")),
    "up to the first of a month": of_state(where("transaction_date", "2024-02-01", "<=")),
    "after the first of a month": of_state(where("transaction_date", "2024-02-01", ">")),
    "from the last of a month": of_state(where("transaction_date", "2024-01-31", ">=")),
    "before the last of a month": of_state(where("transaction_date", "2024-01-31", "<")),
    "one day of a month": of_state(where("transaction_date", "2024-02-01")),
    "every day but one": of_state(where("transaction_date", "2024-02-01", "!=")),
    "days of a list": of_state({"field": "transaction_date", "op": "in", "values": ["2024-02-01", "2024-02-29"]}),
    "a moment": of_state(where("transaction_at", "2024-02-01T00:00:00", ">=")),
    "first days by customer": {"metrics": ["first_seen_date"], "dimensions": ["state"]},
    "customers by one amount": {"metrics": ["customer_count"], "filters": where("attempted_amount", 90, ">")},
    "customers by days": {"metrics": ["customer_count"], "filters": between("2024-02-02", "2024-03-31")},
    "rows": {"fields": ["channel", "status"], "filters": where("channel", "Online")},
    "rows of months": {"fields": ["transaction_date:month"], "limit": 3},
}  # fmt: skip


@pytest.mark.parametrize("dialect", ["duckdb", "snowflake"])
@pytest.mark.parametrize(("expected", "parts"), SERVED, ids=str)
@pytest.mark.unit
def test_the_smallest_that_holds_everything_answers(
    model: SemanticModel, expected: str, parts: Parts, dialect: str
) -> None:
    assert read_tables(model, parts, dialect) == {expected}


@pytest.mark.unit
def test_a_median_and_what_is_beside_it_are_answered_each_by_its_own(model: SemanticModel) -> None:
    assert read_tables(model, BESIDE) == {BY_DAY, BY_AMOUNT}
    assert read_tables(model, BESIDE | {"dimensions": ["state"]}) == {BY_CUSTOMER, ROWS}
    assert read_tables(model, BESIDE | {"dimensions": ["order_id"]}) == {ROWS}


@pytest.mark.parametrize("parts", NOT_SERVED.values(), ids=NOT_SERVED)
@pytest.mark.unit
def test_what_none_holds_is_read_from_the_rows(model: SemanticModel, parts: Parts) -> None:
    assert ROWS in read_tables(model, parts)


SMALL = {
    "SUM(x)": True,
    "SUM(x) / NULLIF(COUNT(*), 0)": True,
    "COUNT(k)": True,
    "COUNT(k = 1 OR k = 2)": True,
    "COUNT(DISTINCT k)": True,
    "COUNT(1)": True,
    "SUM(CASE WHEN k = 1 THEN x ELSE 0 END)": True,
    "SUM(CASE WHEN k = 1 THEN 3 ELSE 0 END)": True,
    "MAX(k)": True,
    "MIN(CASE WHEN k > 1 THEN k END)": True,
    "COUNT(CASE EXTRACT(MONTH FROM day) WHEN 1 THEN 1 END)": True,
    "MIN(DATE_TRUNC('quarter', day))": True,
    "MIN(DATE_TRUNC('week', day))": False,
    "MIN(EXTRACT(DAY FROM day))": False,
    "MIN(day)": False,
    "COUNT(x)": False,
    "MAX(x)": False,
    "SUM(y)": False,
    "SUM(k)": False,
    "SUM(CAST(x AS DOUBLE))": False,
    "SUM(CASE WHEN x > 1 THEN x END)": False,
    "SUM(CASE x WHEN 1 THEN x END)": False,
    "SUM(DISTINCT x)": False,
    "COUNT(DISTINCT x)": False,
    "COUNT(DISTINCT CASE WHEN y = 1 THEN k END)": False,
    "AVG(x)": False,
    "SUM(x) FILTER (WHERE k = 1)": False,
    "MAX(k, 2)": False,
    "MEDIAN(k)": False,
    "COUNT(*) + PRODUCT(k)": False,
    "COUNT(*) - SUM(ABS(x))": False,
}
"""Metrics of a table, and whether a roll-up by k and month with the sum of x can tell them."""


@pytest.mark.parametrize("dialect", ["duckdb", "snowflake"])
@pytest.mark.parametrize(("expr", "is_held"), SMALL.items(), ids=str)
@pytest.mark.unit
def test_a_roll_up_tells_what_its_columns_do(expr: str, is_held: bool, dialect: str) -> None:
    rollup = {"table": "a_by_k", "keys": ["k"], "months": {"day": "month"}, "measures": {"x": ["sum"]}}
    small = build(table("a", "k", metrics=[metric(expr)], x_nl={"rollups": [rollup]}))
    sql = compile_query(small, build_query(metrics=["m"]), dialect).sql
    assert ("gold.a_by_k AS a" in sql) == is_held


@pytest.mark.unit
def test_the_columns_of_a_roll_up_are_held_against_a_build(model: SemanticModel) -> None:
    named = "\n".join(expression_checks(model, "duckdb", schema_suffix="_b1"))
    for rollup in model.tables[ROWS].rollups:
        [statement] = [one for one in named.splitlines() if f"gold_b1.{rollup.table} AS" in one]
        assert all(f"{ROWS}.{column}" in statement for column in rollup.columns)


@pytest.mark.unit
def test_another_aggregate_of_a_measure_is_refused() -> None:
    rollup = {"table": "a_by_k", "keys": ["k"], "measures": {"x": ["median"]}}
    with pytest.raises(InvalidDefinition, match="measures"):
        build(table("a", "k", x_nl={"rollups": [rollup]}))


def asked_of(warehouse: Warehouse, model: SemanticModel, parts: Parts) -> tuple[Any, ...]:
    """Return the types, rows and number of rows of an answer."""
    found = run_query(warehouse, model, build_query(parts), build_id="b", as_of_date=date(2024, 6, 30), timeout=30)
    return [(one.name, one.type) for one in found.table.schema], rows_of(found.table), found.rows_available


@pytest.mark.parametrize("parts", [*(one for _, one in SERVED), BESIDE, BESIDE | {"dimensions": ["state"]}], ids=str)
@pytest.mark.integration
def test_an_answer_is_that_of_the_rows(model: SemanticModel, asked: Warehouse, parts: Parts) -> None:
    ordered = parts | ({"order": parts["dimensions"]} if "dimensions" in parts else {})
    assert asked_of(asked, model, ordered) == asked_of(asked, without_rollups(model), ordered)


@pytest.mark.integration
def test_every_metric_by_every_dimension_is_that_of_the_rows(model: SemanticModel, asked: Warehouse) -> None:
    bare, different = without_rollups(model), []
    metrics = [one.full_name for one in model.list_items({Kind.METRIC}, table=ROWS)]
    for dimension in model.list_items({Kind.DIMENSION, Kind.TIME}):
        if model.relations.reaches(ROWS, dimension.table):
            grouped = [dimension.full_name]
            for parts in ({"metrics": [one], "dimensions": grouped, "order": grouped} for one in metrics):
                if read_tables(model, parts) != {ROWS}:
                    same = asked_of(asked, model, parts) == asked_of(asked, bare, parts)
                    different += [] if same else [parts]
    assert different == []
