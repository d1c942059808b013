"""Classes of numbers, the first of each group, and one figure of all groups."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from customer360.semantic import parse_condition

if TYPE_CHECKING:
    from tests.semantic.conftest import Ask, Check

pytestmark = pytest.mark.integration

PROFILE = "gold.customer_360_profile"
FACTS = f"gold.fct_transactions f LEFT JOIN {PROFILE} p USING (customer_id)"


@pytest.mark.parametrize(
    ("dimension", "sql"),
    [
        ("transaction_amount:50", "(floor(transaction_amount / 50) * 50)::BIGINT"),
        ("transaction_amount:0.25", "floor(transaction_amount * 4) / 4"),
        ("transaction_amount:0.1", "floor(transaction_amount::DECIMAL(18, 4) * 10) / 10"),
        ("quantity:2", "(floor(quantity / 2) * 2)::BIGINT"),
        ("age:10", "(floor(age / 10) * 10)::BIGINT"),
    ],
)
def test_numbers_fall_into_classes_from_below_empty_and_negative_ones_too(
    check: Check, dimension: str, sql: str
) -> None:
    check(
        f"SELECT {sql}, count(*) FROM {FACTS} GROUP BY 1 ORDER BY 1 NULLS LAST",
        metrics=["transaction_count"],
        dimensions=[dimension],
    )


def test_numbers_fall_between_bounds_and_below_the_first_into_the_first(check: Check) -> None:
    sql = "CASE WHEN transaction_amount >= 50.5 THEN 50.5 WHEN transaction_amount >= 20 THEN 20 ELSE 0 END"
    check(
        f"SELECT CASE WHEN transaction_amount IS NOT NULL THEN {sql} END::DOUBLE AS a, count(*) FROM {FACTS}"
        " GROUP BY 1 ORDER BY 1 NULLS LAST",
        metrics=["transaction_count"],
        dimensions=["transaction_amount:0|20|50.5"],
    )


def test_classes_between_bounds_are_sorted_by_and_named(ask: Ask) -> None:
    asked = {
        "dimensions": [{"name": "age", "bounds": [18, 40]}],
        "metrics": ["customer_count"],
        "order": ["-age:18|40"],
    }
    found = ask(**asked)
    assert (found.columns[0].name, found.columns[0].data_type) == ("age_from", "BIGINT")
    assert found.columns[0].label == "Age (from)"
    assert [row["age_from"] for row in found.rows()][:2] == [40, 18]


@pytest.mark.parametrize(
    ("top", "last"), [({"rows": 2}, "2"), ({"percent": 30}, "ceil(n * 30 / 100)"), ({"rows": 99}, "n")]
)
def test_the_highest_groups_have_a_share_of_the_whole(check: Check, top: dict[str, Any], last: str) -> None:
    check(
        "WITH g AS (SELECT customer_id, count(*) AS m FROM gold.fct_transactions GROUP BY 1),"
        " p AS (SELECT m, row_number() OVER (ORDER BY m DESC, customer_id NULLS LAST) AS place,"
        " count(*) OVER () AS n FROM g)"
        f" SELECT 100.0 * sum(m) FILTER (place <= {last}) / sum(m) FROM p",
        metrics=["transaction_count"],
        dimensions=["customer_id"],
        summary="share_of_top",
        top=top,
    )


@pytest.mark.parametrize("summary", ["sum", "avg", "min"])
def test_one_figure_is_of_the_highest_groups_alone(check: Check, summary: str) -> None:
    check(
        "WITH g AS (SELECT customer_id, count(*) AS n FROM gold.fct_transactions GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 3)"
        f" SELECT {summary}(n){'::BIGINT' if summary == 'sum' else ''} FROM g",
        metrics=["transaction_count"],
        dimensions=["customer_id"],
        summary=summary,
        top={"rows": 3},
    )


def test_a_share_of_nothing_is_unknown(ask: Ask) -> None:
    nobody: dict[str, Any] = {"filters": parse_condition("country = 'Atlantis'"), "dimensions": ["country"]}
    found = ask(metrics=["total_spend"], summary="share_of_top", top={"rows": 1}, **nobody)
    assert found.rows() == [{"total_spend_share_of_top": None}]
    assert (found.columns[0].unit, found.columns[0].label) == ("percent", "Share of the top 1 in total spend")


@pytest.mark.parametrize("width", ["0.01", "3.33", "0.111", "9.99"])
def test_a_number_on_a_bound_belongs_to_the_class_above(ask: Ask, width: str) -> None:
    assert ask(fields=[f"unit_price:{width}"], limit=1).table.to_pylist() == [{"unit_price_from": 9.99}]


def test_a_list_of_rows_has_classes_and_sorts_by_them(check: Check) -> None:
    check(
        f"SELECT (floor(age / 10) * 10)::BIGINT AS a, customer_id FROM {PROFILE} ORDER BY a DESC NULLS LAST, 2",
        fields=["age:10", "customer_id"],
        order=["-age:10"],
    )


def test_classes_of_a_width_with_many_digits_are_told_apart(ask: Ask) -> None:
    found = ask(dimensions=["lifetime_value:1234567"], metrics=["customer_count"], order=["lifetime_value:1234567"])
    assert found.columns[0].label == "Lifetime value (from, classes of 1234567)"
    assert found.rows() == [{"lifetime_value_from": 0, "customer_count": 8}]
    lower = ask(
        fields=["transaction_key", "attempted_amount:123.4567"], filters=parse_condition("attempted_amount >= 1000")
    )
    assert [row["attempted_amount_from"] for row in lower.rows()] == [987.6536]


TOP = """
WITH g AS (SELECT {group}, {made} AS n FROM {source} GROUP BY ALL)
SELECT * FROM g QUALIFY row_number() OVER (PARTITION BY {by} ORDER BY n DESC NULLS LAST, {keys}) <= {rows}
ORDER BY {by} NULLS LAST, n DESC NULLS LAST, {keys}
"""


@pytest.mark.parametrize("rows", [1, 2])
def test_the_first_of_each_group_and_names_decide_among_equals(check: Check, rows: int) -> None:
    sql = TOP.format(
        group="channel, merchant_name",
        made="count(*)",
        source="gold.fct_transactions",
        by="channel",
        keys="channel NULLS LAST, merchant_name NULLS LAST",
        rows=rows,
    )
    check(
        sql,
        metrics=["transaction_count"],
        dimensions=["channel", "merchant_name"],
        order=["-transaction_count"],
        top_per={"by": ["channel"], "rows": rows},
    )


def test_the_first_of_each_list_of_rows_and_the_key_decides_among_equals(check: Check) -> None:
    check(
        f"""
        SELECT card_type, customer_id, age FROM {PROFILE}
        QUALIFY row_number() OVER (PARTITION BY card_type ORDER BY age NULLS LAST, customer_id) <= 2
        ORDER BY card_type NULLS LAST, age NULLS LAST, customer_id
        """,
        fields=["card_type", "customer_id", "age"],
        order=["age"],
        top_per={"by": ["card_type"], "rows": 2},
    )


def test_the_first_of_each_comes_after_having_and_before_limit_and_offset(check: Check, ask: Ask) -> None:
    parts: dict[str, Any] = {
        "metrics": [{"metric": "total_spend", "as": "place"}, {"metric": "total_spend", "show": "share", "as": "s0"}],
        "dimensions": ["transaction_date:month", "channel"],
        "having": {"field": "transaction_count", "op": ">", "value": 5},
        "order": ["-place"],
        "top_per": {"by": ["transaction_date:month"]},
    }
    check(
        """
        WITH g AS (SELECT date_trunc('month', transaction_date)::DATE AS month, channel,
          sum(transaction_amount) AS spend, count(*) AS n FROM gold.fct_transactions GROUP BY ALL),
        s AS (SELECT *, 100 * (spend::DOUBLE / sum(spend) OVER ()) AS share FROM g)
        SELECT month, channel, spend, share FROM s WHERE n > 5
        QUALIFY row_number() OVER (PARTITION BY month ORDER BY spend DESC NULLS LAST, channel) = 1
        ORDER BY month LIMIT 2 OFFSET 1
        """,
        limit=2,
        offset=1,
        **parts,
    )
    page = ask(limit=2, offset=1, **parts)
    assert (page.rows_returned, page.rows_available) == (2, ask(**parts).rows_returned)


@pytest.mark.parametrize("summary", ["count", "avg", "median", "min", "max", "sum"])
@pytest.mark.parametrize(
    ("metric", "made"), [("total_spend", "sum(transaction_amount)"), ("transaction_count", "count(*)")]
)
def test_one_figure_of_all_groups(check: Check, summary: str, metric: str, made: str) -> None:
    exact = {
        "avg": "round(sum(n) / count(n), 4)::DECIMAL(38, 4)",
        "median": "(round(median((10000 * n)::DOUBLE))::BIGINT * 0.0001)::DECIMAL(38, 4)",
    }
    written = exact.get(summary, f"{summary}(n)") if metric == "total_spend" else f"{summary}(n)"
    if summary == "count":
        written = "count(*)"
    check(
        f"WITH g AS (SELECT customer_id, {made} AS n FROM gold.fct_transactions GROUP BY 1 HAVING count(*) > 1)"
        f" SELECT {written}{'::BIGINT' if summary == 'sum' and metric != 'total_spend' else ''} FROM g",
        metrics=[metric],
        dimensions=["customer_id"],
        having={"field": "transaction_count", "op": ">", "value": 1},
        summary=summary,
    )


def test_a_figure_of_groups_says_what_it_is(ask: Ask) -> None:
    asked: dict[str, Any] = {"metrics": ["transaction_count"], "dimensions": ["customer_id"]}
    columns = [ask(summary=one, **asked).columns[0] for one in ("count", "avg", "max")]
    assert [(one.name, one.data_type, one.unit, one.label) for one in columns] == [
        ("group_count", "BIGINT", "count", "Number of customer id"),
        ("avg_transaction_count", "DOUBLE", "number", "Average transaction count"),
        ("max_transaction_count", "BIGINT", "count", "Highest transaction count"),
    ]


def test_a_figure_of_no_groups_is_zero_or_unknown(ask: Ask) -> None:
    nobody: dict[str, Any] = {"filters": parse_condition("country = 'Atlantis'"), "dimensions": ["country"]}
    assert ask(metrics=["total_spend"], summary="count", **nobody).rows() == [{"group_count": 0}]
    assert ask(metrics=["total_spend"], summary="avg", **nobody).rows() == [{"avg_total_spend": None}]
    assert ask(dimensions=["country"], summary="count").rows() == [{"group_count": 5}]


def test_an_order_may_use_a_name_of_the_query_and_columns_of_one_metric_are_told_apart(check: Check) -> None:
    check(
        """
        SELECT channel, sum(transaction_amount) AS spend,
          100 * (sum(transaction_amount)::DOUBLE / sum(sum(transaction_amount)) OVER ())
        FROM gold.fct_transactions GROUP BY 1 ORDER BY spend DESC
        """,
        metrics=["total_spend", {"metric": "total_spend", "show": "share", "as": "Part of it".replace(" ", "_")}],
        dimensions=["channel"],
        order=["-fct_transactions.total_spend", "Part_of_it"],
    )


def test_the_statement_counts_what_it_gives(ask: Ask) -> None:
    found = ask(
        metrics=[{"metric": "total_spend", "show": "share"}],
        dimensions=["merchant_name", "channel"],
        having={"field": "total_spend", "op": "<", "than": {"agg": "avg"}},
        limit=3,
    )
    assert found.truncated
    assert (
        found.rows_available
        == ask(
            metrics=["total_spend"],
            dimensions=["merchant_name", "channel"],
            having={"field": "total_spend", "op": "<", "than": {"agg": "avg"}},
        ).rows_returned
    )
    assert isinstance(found.table.column(2)[0].as_py(), float | Decimal)
