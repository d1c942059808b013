"""Shares, totals so far, averages along time and changes are worked out over all groups, before any are left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from customer360.semantic import parse_condition

if TYPE_CHECKING:
    from tests.semantic.conftest import Ask, Check

pytestmark = pytest.mark.integration

BY_COUNTRY = """
WITH g AS (SELECT p.country, p.card_type, sum(transaction_amount) AS spend, count(*) AS n FROM gold.fct_transactions f
  LEFT JOIN gold.customer_360_profile p USING (customer_id) GROUP BY ALL)
"""
BY_MONTH = """
WITH g AS (SELECT date_trunc('month', transaction_date)::DATE AS month, channel, sum(transaction_amount) AS spend,
  count(*) AS n FROM gold.fct_transactions GROUP BY ALL)
"""
SPARSE = """
WITH g AS (SELECT date_trunc('month', transaction_date)::DATE AS month, customer_id, sum(transaction_amount) AS spend,
  count(*) AS n FROM gold.fct_transactions WHERE transaction_type = 'purchase' AND order_id NOT LIKE 'N%' GROUP BY ALL)
"""
"""Months with gaps: most customers have no row in most of them, and some rows no amount."""
WRITTEN = parse_condition("transaction_type = 'purchase' and not (order_id like 'N%')")


def shown(metric: str, show: str, **parts: Any) -> dict[str, Any]:
    return {"metric": metric, "show": show, **parts}


def test_a_share_is_of_all_groups_or_of_those_that_agree(check: Check) -> None:
    check(
        BY_COUNTRY
        + """
        SELECT country, card_type, n, 100 * (n::DOUBLE / sum(n) OVER ()),
          100 * (n::DOUBLE / sum(n) OVER (PARTITION BY country)),
          100 * (spend::DOUBLE / sum(spend) OVER ())
        FROM g ORDER BY 1 NULLS LAST, 2 NULLS LAST
        """,
        metrics=[
            "transaction_count",
            shown("transaction_count", "share"),
            shown("transaction_count", "share", within=["country"], **{"as": "within_country"}),
            shown("total_spend", "share"),
        ],
        dimensions=["country", "card_type"],
    )


def test_a_share_is_taken_before_having_limit_and_offset_leave_groups_out(check: Check, ask: Ask) -> None:
    asked: dict[str, Any] = {
        "metrics": ["transaction_count", shown("transaction_count", "share", **{"as": "share"})],
        "dimensions": ["country", "card_type"],
        "having": {"field": "share", "op": ">", "value": 11},
        "order": ["-share"],
    }
    check(
        BY_COUNTRY
        + """
        SELECT country, card_type, n, 100 * (n::DOUBLE / sum(n) OVER ()) AS share FROM g
        QUALIFY share > 11 ORDER BY share DESC, 1 NULLS LAST, 2 NULLS LAST LIMIT 2 OFFSET 1
        """,
        limit=2,
        offset=1,
        **asked,
    )
    found = ask(limit=2, offset=1, **asked)
    assert (found.rows_returned, found.rows_available) == (2, ask(**asked).rows_returned)


def test_a_share_of_nothing_is_unknown(ask: Ask) -> None:
    found = ask(
        metrics=[shown("total_spend", "share"), shown("declined_transaction_count", "share")],
        dimensions=["customer_id"],
        filters=parse_condition("transaction_date = '2024-01-15' and customer_id = 'C7'"),
    )
    assert [list(row.values())[1:] for row in found.rows()] == [[None, 100.0]]
    zero = ask(
        metrics=[shown("declined_transaction_count", "share")],
        dimensions=["country"],
        filters=parse_condition("status = 'approved' and country = 'France'"),
    )
    assert [list(row.values())[1:] for row in zero.rows()] == [[None]]


def test_totals_averages_and_changes_along_time_go_apart_by_what_else_is_asked(check: Check) -> None:
    check(
        BY_MONTH
        + """
        SELECT channel, month, sum(spend) OVER w, avg(n) OVER (w ROWS 1 PRECEDING), spend - lag(spend) OVER w,
          n - lag(n) OVER w, 100 * ((n - lag(n) OVER w)::DOUBLE / lag(n) OVER w)
        FROM g WINDOW w AS (PARTITION BY channel ORDER BY month) ORDER BY 1 NULLS LAST, 2
        """,
        metrics=[
            shown("total_spend", "running_total"),
            shown("transaction_count", "moving_average", span=2),
            shown("total_spend", "change"),
            shown("transaction_count", "change"),
            shown("transaction_count", "change_pct"),
        ],
        dimensions=["channel", "transaction_date:month"],
    )


def test_a_change_is_from_the_last_month_that_is_there_and_an_unknown_one_gives_none(check: Check) -> None:
    check(
        SPARSE
        + """
        SELECT customer_id, month, spend, spend - lag(spend) OVER w, sum(spend) OVER w,
          100 * ((spend - lag(spend) OVER w)::DOUBLE / nullif(lag(spend) OVER w, 0))
        FROM g WINDOW w AS (PARTITION BY customer_id ORDER BY month) ORDER BY 1 NULLS LAST, 2
        """,
        metrics=[
            "total_spend",
            shown("total_spend", "change"),
            shown("total_spend", "running_total"),
            shown("total_spend", "change_pct"),
        ],
        dimensions=["customer_id", "transaction_date:month"],
        filters=WRITTEN,
    )


def test_what_has_no_date_is_in_the_total_and_has_no_past(check: Check) -> None:
    check(
        """
        WITH g AS (SELECT date_trunc('quarter', transaction_at)::DATE AS day, count(*) AS n FROM gold.fct_transactions
          GROUP BY 1)
        SELECT day, sum(n) OVER w, CASE WHEN day IS NOT NULL THEN n - lag(n) OVER w END,
          CASE WHEN day IS NOT NULL THEN avg(n) OVER (w ROWS 2 PRECEDING) END
        FROM g WINDOW w AS (ORDER BY day NULLS LAST) ORDER BY day NULLS LAST
        """,
        metrics=[shown("transaction_count", one) for one in ("running_total", "change", "moving_average")],
        dimensions=["transaction_at:quarter"],
    )


def test_a_moving_average_of_money_is_exact_and_one_of_counts_keeps_its_fraction(ask: Ask) -> None:
    found = ask(
        metrics=[
            shown("total_spend", "moving_average", span=3),
            shown("transaction_count", "moving_average", span=3, **{"as": "transaction_count"}),
        ],
        dimensions=["transaction_date:month"],
    )
    spend, count = found.columns[1:]
    assert (spend.data_type, spend.unit, count.data_type, count.unit) == (
        "DECIMAL(38,4)",
        "currency",
        "DOUBLE",
        "number",
    )
    months = [
        row["total_spend"]
        for row in ask(metrics=["total_spend"], dimensions=["transaction_date:month"]).table.to_pylist()
    ]
    averages = [row["total_spend_moving_average"] for row in found.table.to_pylist()]
    for place, average in enumerate(averages):
        span = months[max(0, place - 2) : place + 1]
        assert abs(average - sum(span) / len(span)) <= 0.00005


def test_a_formula_can_be_shown_along_time(check: Check) -> None:
    check(
        BY_MONTH
        + """
        , h AS (SELECT month, 100 * (coalesce(sum(n) FILTER (channel = 'Online'), 0)::DOUBLE / sum(n)) AS share FROM g
          GROUP BY 1)
        SELECT month, share - lag(share) OVER (ORDER BY month) FROM h ORDER BY 1
        """,
        metrics=[
            {
                "op": "percent",
                "left": {"metric": "transaction_count", "where": parse_condition("channel = 'Online'")},
                "right": "transaction_count",
                "show": "change",
                "as": "change_of_online_share",
            }
        ],
        dimensions=["transaction_date:month"],
    )


def test_an_answer_without_groups_stays_empty(ask: Ask) -> None:
    found = ask(
        metrics=[shown("total_spend", "share"), shown("total_spend", "running_total")],
        dimensions=["transaction_date:month"],
        filters=parse_condition("country = 'Atlantis'"),
        having={"field": "total_spend", "op": ">", "than": {"agg": "avg"}},
    )
    assert (found.rows(), found.rows_available) == ([], 0)


def test_groups_are_compared_with_the_mean_of_all_groups_before_having_leaves_any_out(check: Check) -> None:
    check(
        BY_COUNTRY
        + """
        SELECT country, card_type, spend FROM g
        QUALIFY n > 12 AND spend::DOUBLE > 1.25 * avg(spend::DOUBLE) OVER () ORDER BY spend DESC
        """,
        metrics=["total_spend"],
        dimensions=["country", "card_type"],
        having={
            "and": [
                {"field": "transaction_count", "op": ">", "value": 12},
                {"field": "total_spend", "op": ">", "than": {"agg": "avg"}, "times": 1.25},
            ]
        },
        order=["-total_spend"],
    )


def test_groups_are_compared_with_the_metric_over_the_rows_of_them_all(check: Check) -> None:
    """A mean over all rows is not the mean of the groups' means, because groups have unlike numbers of rows."""
    check(
        """
        WITH kept AS (SELECT country, age::DOUBLE AS age FROM gold.customer_360_profile WHERE card_type = 'Premium')
        SELECT country, avg(age) FROM kept GROUP BY 1 HAVING avg(age) > 1.01 * (SELECT avg(age) FROM kept)
        ORDER BY 1 NULLS LAST
        """,
        metrics=["avg_age"],
        dimensions=["country"],
        filters=parse_condition("card_type = 'Premium'"),
        having={"field": "avg_age", "op": ">", "than": {"agg": "avg", "overall": True}, "times": 1.01},
    )


def test_a_quotient_of_two_tables_is_compared_with_itself_overall(check: Check) -> None:
    check(
        BY_COUNTRY
        + """
        , h AS (SELECT country, sum(spend)::DOUBLE / sum(n) AS v FROM g GROUP BY 1)
        SELECT country, v FROM h WHERE v >= (SELECT sum(spend)::DOUBLE / sum(n) FROM g) ORDER BY 1 NULLS LAST
        """,
        metrics=[{"op": "ratio", "left": "total_spend", "right": "transaction_count", "as": "ratio"}],
        dimensions=["country"],
        having={"field": "ratio", "op": ">=", "than": {"overall": True}},
    )


@pytest.mark.parametrize(
    ("agg", "sql"),
    [
        ({"agg": "avg"}, "avg(n)"),
        ({"agg": "median"}, "median(n)"),
        ({"agg": "percentile", "percentile": 80}, "quantile_cont(n, 0.8)"),
    ],
)
def test_groups_without_a_country_are_compared_with_each_other(check: Check, agg: dict[str, Any], sql: str) -> None:
    check(
        BY_COUNTRY
        + f"""
        SELECT country, card_type, n FROM g QUALIFY n >= {sql} OVER (PARTITION BY country)
        ORDER BY 1 NULLS LAST, 2 NULLS LAST
        """,
        metrics=["transaction_count"],
        dimensions=["country", "card_type"],
        having={"field": "transaction_count", "op": ">=", "than": agg | {"by": ["country"]}},
    )


def test_equal_amounts_are_neither_above_nor_below_their_mean(ask: Ask) -> None:
    asked: dict[str, Any] = {
        "metrics": [{"agg": "min", "field": "unit_price", "as": "price"}],
        "dimensions": ["channel"],
    }
    for agg in ({"agg": "avg"}, {"agg": "median"}, {"agg": "percentile", "percentile": 90}):
        for op, rows in (("<", 0), (">", 0), ("=", 4)):
            having = {"field": "price", "op": op, "than": agg}
            assert ask(having=having, **asked).rows_returned == rows


def test_having_compares_what_a_column_shows(check: Check) -> None:
    check(
        BY_MONTH
        + """
        , h AS (SELECT month, sum(n) AS n FROM g GROUP BY 1)
        SELECT month, n - lag(n) OVER w, n FROM h WINDOW w AS (ORDER BY month)
        QUALIFY n - lag(n) OVER w < n AND n - lag(n) OVER w > -20 ORDER BY 1
        """,
        metrics=[shown("transaction_count", "change", **{"as": "more"}), "transaction_count"],
        dimensions=["transaction_date:month"],
        having={
            "and": [
                {"field": "more", "op": "<", "than": "transaction_count"},
                {"field": "more", "op": ">", "value": -20},
            ]
        },
    )


def test_a_name_in_having_is_a_column_of_the_answer_before_it_is_a_metric(check: Check) -> None:
    online = {"metric": "transaction_count", "where": parse_condition("channel = 'Online'"), "as": "online"}
    sql = """
        SELECT customer_id, count(*) FILTER (channel = 'Online') AS online FROM gold.fct_transactions GROUP BY 1
        HAVING {} ORDER BY 1 NULLS LAST
        """
    for name, condition in (
        ("online", "online > 9"),
        ("transaction_count", "count(*) > 30"),
        ("fct_transactions.transaction_count", "count(*) > 30"),
    ):
        value = 9 if name == "online" else 30
        check(
            sql.format(condition),
            metrics=[online],
            dimensions=["customer_id"],
            having={"field": name, "op": ">", "value": value},
        )
