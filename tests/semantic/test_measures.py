"""Aggregates, measures with a filter of their own and formulas over them, held against SQL that is written by hand."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from customer360.semantic import SemanticModel, build_query, compile_query, parse_condition

from .test_model import build, metric, relationship, table

if TYPE_CHECKING:
    from tests.semantic.conftest import Ask, Check

pytestmark = pytest.mark.integration

PROFILE = "gold.customer_360_profile"
FACTS = f"gold.fct_transactions f LEFT JOIN {PROFILE} p USING (customer_id)"


def of(metric: str, where: str, **parts: Any) -> dict[str, Any]:
    """Return a metric over the rows that a condition keeps."""
    return {"metric": metric, "where": parse_condition(where), **parts}


@pytest.mark.parametrize(
    ("metric", "sql"),
    [
        (
            "median(lifetime_value)",
            "(round(median((10000 * lifetime_value)::DOUBLE))::INTEGER * 0.0001)::DECIMAL(38, 4)",
        ),
        ("avg(age)", "avg(age)"),
        ("avg(credit_limit)", "CAST(round(sum(credit_limit) / count(credit_limit), 4) AS DECIMAL(38, 4))"),
        ("min(age)", "min(age)"),
        ("max(last_transaction_date)", "max(last_transaction_date)"),
        ("min(country)", "min(country)"),
        ("sum(total_transactions)", "sum(total_transactions)::BIGINT"),
        ("sum(lifetime_value)", "sum(lifetime_value)"),
        ("stddev(lifetime_value)", "stddev_samp(lifetime_value::DOUBLE)"),
        ("count_distinct(card_type)", "count(DISTINCT card_type)"),
        ("percentile(age, 95)", "quantile_cont(age::DOUBLE, 0.95)"),
        ({"agg": "percentile", "field": "age", "percentile": 99.9}, "quantile_cont(age::DOUBLE, 0.999)"),
        ("percentile(age, 0)", "min(age)::DOUBLE"),
        ("corr(age, lifetime_value)", "nullif(corr(age::DOUBLE, lifetime_value::DOUBLE), 'NaN')"),
    ],
)
def test_each_aggregate_of_a_field(check: Check, metric: Any, sql: str) -> None:
    check(f"SELECT {sql} FROM {PROFILE}", metrics=[metric])
    check(
        f"SELECT card_type, {sql} FROM {PROFILE} GROUP BY 1 ORDER BY 1 NULLS LAST",
        metrics=[metric],
        dimensions=["card_type"],
    )


def test_what_has_too_few_values_or_never_varies_has_no_spread_and_no_correlation(ask: Ask) -> None:
    found = ask(
        metrics=["corr(age, recency_score)", {"agg": "stddev", "field": "age"}],
        filters={"field": "customer_id", "op": "in", "values": ["C1", "C8"]},
    )
    assert found.table.to_pylist() == [{"corr_age_recency_score": None, "stddev_age": 0.0}]
    alone = ask(metrics=["stddev(age)"], filters={"field": "customer_id", "op": "=", "value": "C1"})
    assert alone.rows() == [{"stddev_age": None}]


def test_two_fields_of_different_tables_meet_in_the_finer_one(check: Check) -> None:
    sql = f"SELECT corr(p.age::DOUBLE, f.transaction_amount::DOUBLE) FROM {FACTS}"
    check(sql, metrics=["corr(age, transaction_amount)"])
    check(sql, metrics=[{"agg": "corr", "field": "age", "other": "transaction_amount", "over": "fct_transactions"}])


def test_a_field_is_aggregated_over_its_own_rows_unless_another_table_is_named(check: Check) -> None:
    check(
        f"SELECT (SELECT avg(age) FROM {PROFILE}), (SELECT avg(p.age) FROM {FACTS})",
        metrics=["avg(age)", {"agg": "avg", "field": "age", "over": "fct_transactions", "as": "by_transaction"}],
    )


def test_an_aggregate_over_a_finer_table_can_be_split_by_it(check: Check) -> None:
    check(
        f"SELECT f.channel, avg(p.age) FROM {FACTS} GROUP BY 1 ORDER BY 1 NULLS LAST",
        metrics=[{"agg": "avg", "field": "age", "over": "fct_transactions"}],
        dimensions=["channel"],
    )


def test_each_row_that_holds_the_field_counts_once_in_every_group(check: Check) -> None:
    buyers = f"SELECT DISTINCT f.channel, p.customer_id, p.age, p.lifetime_value FROM {FACTS}"
    mean = {"agg": "avg", "field": "age", "over": "fct_transactions", "each": True}
    total = {"agg": "sum", "field": "lifetime_value", "over": "fct_transactions", "each": True}
    check(
        f"SELECT channel, avg(age), sum(lifetime_value) FROM ({buyers}) GROUP BY 1 ORDER BY 1 NULLS LAST",
        metrics=[mean, total],
        dimensions=["channel"],
    )
    check(
        f"SELECT avg(age) FROM (SELECT DISTINCT p.customer_id, p.age FROM {FACTS})",
        metrics=[mean],
    )


def test_nothing_to_count_is_zero_and_nothing_to_add_up_is_unknown(ask: Ask) -> None:
    nobody = {"field": "country", "op": "=", "value": "Atlantis"}
    metrics = ["count_distinct(channel)", "sum(quantity)", "sum(transaction_amount)", "median(transaction_amount)"]
    assert list(ask(metrics=metrics, filters=nobody).rows()[0].values()) == [0, 0, None, None]
    assert ask(metrics=metrics, dimensions=["country"], filters=nobody).rows() == []


def test_a_measure_keeps_the_rows_of_its_own_filter(check: Check) -> None:
    check(
        f"""
        SELECT p.country, count(*) FILTER (f.channel = 'Online'), sum(transaction_amount) FILTER (f.channel = 'Mobile'),
          sum(transaction_amount), (round(median((10000 * transaction_amount)::DOUBLE)
            FILTER (f.quantity > 1))::INTEGER * 0.0001)::DECIMAL(38, 4)
        FROM {FACTS} WHERE p.age > 30 OR f.customer_id IS NULL GROUP BY 1 ORDER BY 1 NULLS LAST
        """,
        metrics=[
            of("transaction_count", "channel = 'Online'", **{"as": "online"}),
            of("total_spend", "channel = 'Mobile'", **{"as": "mobile"}),
            "total_spend",
            {"agg": "median", "field": "transaction_amount", "where": parse_condition("quantity > 1")},
        ],
        dimensions=["country"],
        filters=parse_condition("age > 30 or is_guest"),
    )


def test_declined_rows_and_guests_count_in_a_measure_as_they_do_without_its_filter(check: Check) -> None:
    check(
        """
        SELECT count(*) FILTER (customer_id IS NULL AND status = 'declined'),
          sum(transaction_amount) FILTER (status = 'declined'), sum(attempted_amount) FILTER (status = 'declined')
        FROM gold.fct_transactions
        """,
        metrics=[
            of("transaction_count", "is_guest and status = 'declined'", **{"as": "declined_of_guests"}),
            of("total_spend", "status = 'declined'"),
            of("total_attempted_amount", "status = 'declined'"),
        ],
    )


def test_the_filter_of_a_measure_and_that_of_the_query_may_be_met_by_different_fine_rows(check: Check) -> None:
    has = "SELECT customer_id FROM gold.fct_transactions WHERE customer_id IS NOT NULL AND"
    check(
        f"""
        SELECT count(*) FILTER (customer_id IN ({has} transaction_type = 'return')),
          count(*) FILTER (customer_id NOT IN ({has} transaction_type = 'return')), count(*)
        FROM {PROFILE} WHERE customer_id IN ({has} channel = 'Mobile')
        """,
        metrics=[
            of("customer_count", "transaction_type = 'return'", **{"as": "with"}),
            of("customer_count", "not (transaction_type = 'return')", **{"as": "without"}),
            "customer_count",
        ],
        filters=parse_condition("channel = 'Mobile'"),
    )


@pytest.mark.parametrize(
    ("op", "sql"),
    [
        ("difference", "mobile - online"),
        ("ratio", "mobile::DOUBLE / nullif(online, 0)"),
        ("percent", "100 * (mobile::DOUBLE / nullif(online, 0))"),
        ("change_pct", "100 * ((mobile - online)::DOUBLE / nullif(online, 0))"),
    ],
)
@pytest.mark.parametrize(
    ("metric", "made"), [("transaction_count", "count(*)"), ("total_spend", "sum(transaction_amount)")]
)
def test_each_formula_where_only_one_side_has_a_group(check: Check, op: str, sql: str, metric: str, made: str) -> None:
    check(
        f"""
        WITH g AS (SELECT customer_id, {made} FILTER (channel = 'Mobile') AS mobile,
          {made} FILTER (channel = 'Online') AS online FROM gold.fct_transactions
          WHERE channel IN ('Mobile', 'Online') GROUP BY 1)
        SELECT customer_id, {sql} FROM g ORDER BY 1 NULLS LAST
        """,
        metrics=[{"op": op, "left": of(metric, "channel = 'Mobile'"), "right": of(metric, "channel = 'Online'")}],
        dimensions=["customer_id"],
    )


def test_a_formula_may_have_aggregates_of_different_tables(check: Check) -> None:
    check(
        f"""
        SELECT country, (SELECT sum(transaction_amount) FROM {FACTS.replace(" p ", " q ")}
            WHERE q.country IS NOT DISTINCT FROM p.country)::DOUBLE / nullif(count(DISTINCT card_type), 0)
        FROM {PROFILE} p GROUP BY 1 ORDER BY 1 NULLS LAST
        """,
        metrics=[{"op": "ratio", "left": "total_spend", "right": "count_distinct(card_type)"}],
        dimensions=["country"],
    )


@pytest.mark.parametrize(
    ("formula", "column"),
    [
        (("difference", "total_spend", "total_attempted_amount"), ("DECIMAL(38,4)", "currency")),
        (("difference", "total_spend", "transaction_count"), ("DECIMAL(38,4)", "number")),
        (("difference", "avg(age)", "customer_count"), ("DOUBLE", "number")),
        (("difference", "transaction_count", "avg(quantity)"), ("DOUBLE", "number")),
        (("ratio", "transaction_count", "customer_count"), ("DOUBLE", "number")),
        (("percent", "total_spend", "total_attempted_amount"), ("DOUBLE", "percent")),
    ],
)
def test_a_formula_has_a_type_and_a_unit_that_hold_it(ask: Ask, formula: Any, column: tuple[str, str]) -> None:
    op, left, right = formula
    found = ask(metrics=[{"op": op, "left": left, "right": right, "as": "it"}])
    assert (found.columns[0].data_type, found.columns[0].unit) == column
    (value,) = found.table.to_pylist()[0].values()
    assert isinstance(value, Decimal if column[0].startswith("DECIMAL") else float)


def test_columns_say_what_was_worked_out(model: SemanticModel) -> None:
    query = build_query(
        metrics=[
            "percentile(age, 95)",
            "percentile(age, 22.5)",
            "percentile(age, 3)",
            "count_distinct(country)",
            of("customer_count", "age > 30", **{"as": "customers_over_30"}),
            {"op": "percent", "left": of("customer_count", "age > 30"), "right": "customer_count"},
        ]
    )
    columns = compile_query(model, query, "duckdb").columns
    assert [(one.name, one.unit, one.label) for one in columns] == [
        ("p95_age", "years", "95th percentile of age"),
        ("p22_5_age", "years", "22.5th percentile of age"),
        ("p3_age", "years", "3rd percentile of age"),
        ("count_distinct_country", "count", "Number of different values of country"),
        ("customers_over_30", "count", "Customers over 30"),
        ("customer_count_percent_customer_count", "percent", "Customer count in percent of customer count"),
    ]


def test_what_only_extends_a_table_is_aggregated_over_that_table() -> None:
    score = {"name": "score", "expr": "score", "data_type": "DOUBLE", "description": "Score."}
    color = {"name": "color", "expr": "color", "data_type": "VARCHAR", "description": "Color."}
    model = build(
        table("people", "id", dimensions=[color]),
        table("scores", "id"),
        table("more_scores", "id", dimensions=[score]),
        relationships=[
            relationship("a", "people", "scores", "id", "id"),
            relationship("b", "scores", "more_scores", "id", "id"),
        ],
    )
    assert [model.relations.home(name) for name in ("people", "scores", "more_scores")] == ["people"] * 3
    sql = compile_query(model, build_query(metrics=["avg(score)"], dimensions=["color"]), "duckdb").sql
    assert "FROM gold.people LEFT JOIN gold.scores ON people.id = scores.id" in sql
    several = build(
        table("a", "a_id", metrics=[metric("COUNT(*)", name="n")]),
        table("b", "b_id"),
        relationships=[relationship("ab", "a", "b", "b_id", "b_id")],
    )
    assert several.relations.home("b") == "b"
