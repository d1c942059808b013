"""Invariant: rows without a value are a group of their own; a filter and its complement make up the whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.semantic.conftest import Ask, Check

pytestmark = pytest.mark.integration


def test_groups_that_only_one_table_has_are_kept_and_counts_are_zero_there(check: Check) -> None:
    check(
        """
        WITH f AS (SELECT country, count(*) AS n, sum(transaction_amount) AS spend FROM gold.fct_transactions
                   JOIN gold.customer_360_profile USING (customer_id) WHERE status = 'approved' GROUP BY ALL)
        SELECT country, count(DISTINCT p.customer_id), coalesce(any_value(f.n), 0), any_value(f.spend)
        FROM gold.customer_360_profile p LEFT JOIN f USING (country)
        WHERE country IN ('Spain', 'France')
        GROUP BY country ORDER BY country
        """,
        metrics=["customer_count", "approved_transaction_count", "total_spend"],
        dimensions=["country"],
        filters={"field": "country", "op": "in", "values": ["Spain", "France"]},
    )


def test_customers_without_a_country_and_guests_share_the_null_group_once(check: Check) -> None:
    check(
        """
        SELECT NULL, (SELECT count(*) FROM gold.customer_360_profile WHERE country IS NULL),
          (SELECT count(*) FROM gold.fct_transactions WHERE customer_id IS NULL OR customer_id IN
            (SELECT customer_id FROM gold.customer_360_profile WHERE country IS NULL))
        """,
        metrics=["customer_count", "transaction_count"],
        dimensions=["country"],
        filters={"field": "country", "op": "is_null"},
    )


@pytest.mark.parametrize("descending", [True, False])
def test_empty_values_come_last_in_either_direction(ask: Ask, descending: bool) -> None:
    order = [{"by": "country", "descending": descending}]
    values = ask(dimensions=["country"], order=order).table.column("country").to_pylist()
    assert values[-1] is None
    assert values[:-1] == sorted(values[:-1], reverse=descending)


@pytest.mark.parametrize(
    "inner",
    [
        {"field": "country", "op": "=", "value": "France"},
        {"field": "country", "op": "not_in", "values": ["France"]},
        {"field": "channel", "op": "=", "value": "Online"},
        {"field": "month_spend", "op": ">", "value": 300},
        {
            "or": [
                {"field": "card_type", "op": "=", "value": "Premium"},
                {"field": "is_travel", "op": "=", "value": True},
            ]
        },
        {"and": [{"field": "age", "op": ">", "value": 30}, {"not": {"field": "state", "op": "=", "value": "CA"}}]},
    ],
)
@pytest.mark.parametrize("metric", ["customer_count", "transaction_count", "customer_month_count"])
def test_a_filter_and_its_complement_make_up_the_whole(ask: Ask, metric: str, inner: dict[str, Any]) -> None:
    kept, dropped, whole = (
        ask(metrics=[metric], filters=filters).table.column(0)[0].as_py() for filters in (inner, {"not": inner}, None)
    )
    assert kept + dropped == whole
    assert kept > 0


def test_unequal_leaves_out_rows_without_a_value(check: Check) -> None:
    check(
        "SELECT count(*) FROM gold.customer_360_profile WHERE country <> 'France'",
        metrics=["customer_count"],
        filters={"field": "country", "op": "!=", "value": "France"},
    )


def test_nothing_to_sum_is_unknown_and_nothing_to_count_is_zero(ask: Ask) -> None:
    nothing = {"field": "customer_id", "op": "=", "value": "nobody"}
    metrics = ["customer_count", "transaction_count", "order_count", "units_sold", "total_spend", "decline_rate"]
    (row,) = ask(metrics=metrics, filters=nothing).rows()
    assert list(row.values()) == [0, 0, 0, 0, None, None]


def test_a_formula_with_nothing_to_divide_by_is_unknown(check: Check) -> None:
    check(
        """
        SELECT country, CASE WHEN n > 0 THEN round(spend / n, 4)::DECIMAL(38, 4) END FROM (
          SELECT p.country, count(DISTINCT p.customer_id) AS n, sum(f.transaction_amount) AS spend
          FROM gold.customer_360_profile p LEFT JOIN gold.fct_transactions f USING (customer_id)
          WHERE p.country IS NOT NULL GROUP BY 1)
        ORDER BY country
        """,
        metrics=["spend_per_customer"],
        dimensions=["country"],
        filters={"field": "country", "op": "is_not_null"},
    )
