"""Invariant: a filter means the same rows as the sentence it stands for, and values are data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from customer360.semantic import parse_condition

if TYPE_CHECKING:
    from tests.semantic.conftest import Ask, Check

pytestmark = pytest.mark.integration


def test_conditions_under_one_and_are_about_the_same_transaction(check: Check) -> None:
    check(
        """
        SELECT customer_id FROM gold.customer_360_profile p WHERE EXISTS (
          SELECT 1 FROM gold.fct_transactions f JOIN gold.dim_merchant_category c
          ON c.category_key = f.merchant_category_key
          WHERE f.customer_id = p.customer_id AND c.is_travel AND f.transaction_amount > 299 AND f.channel = 'Online')
        ORDER BY 1
        """,
        fields=["customer_id"],
        filters=parse_condition("is_travel and transaction_amount > 299 and channel = 'Online'"),
    )


def test_near_finer_and_negated_conditions_mix(check: Check) -> None:
    check(
        """
        SELECT customer_id FROM gold.customer_360_profile p
        WHERE (p.country = 'France' OR EXISTS (SELECT 1 FROM gold.fct_transactions f
                 WHERE f.customer_id = p.customer_id AND f.transaction_type = 'fee'))
          AND NOT EXISTS (SELECT 1 FROM gold.fct_transactions f
                 WHERE f.customer_id = p.customer_id AND f.transaction_type = 'return')
        ORDER BY 1
        """,
        fields=["customer_id"],
        filters=parse_condition(
            "(country = 'France' or transaction_type = 'fee') and not (transaction_type = 'return')"
        ),
    )


def test_the_same_filter_means_rows_of_each_table_beside_each_other(check: Check) -> None:
    check(
        """
        SELECT (SELECT count(*) FROM gold.customer_360_profile p WHERE EXISTS (SELECT 1 FROM gold.fct_transactions f
                  WHERE f.customer_id = p.customer_id AND channel = 'Mobile')),
               (SELECT sum(transaction_amount) FROM gold.fct_transactions WHERE channel = 'Mobile'),
               (SELECT sum(spend) FROM gold.monthly_customer_spending m WHERE EXISTS (SELECT 1
                  FROM gold.fct_transactions f WHERE f.customer_id = m.customer_id AND channel = 'Mobile'))
        """,
        metrics=["customer_count", "total_spend", "total_month_spend"],
        filters=parse_condition("channel = 'Mobile'"),
    )


@pytest.mark.parametrize(
    ("text", "sql"),
    [
        ("age between 34 and 40", "age BETWEEN 34 AND 40"),
        ("age > 33.5", "age >= 34"),
        ("credit_limit = 2500.50", "credit_limit = 2500.5"),
        ("contains(full_name, 'MÜLLER')", "full_name = 'Zoë Müller'"),
        ("contains(full_name, '100%')", "customer_id = 'C6'"),
        ("contains(full_name, '_')", "false"),
        ("starts_with(full_name, 'ANN')", "customer_id IN ('C1', 'C8')"),
        ("full_name = 'ann lee'", "customer_id = 'C8'"),
        ("full_name = 'Bob O''Hara'", "customer_id = 'C2'"),
        ("full_name = '日本 太郎'", "customer_id = 'C4'"),
        ("last_transaction_date >= '2024-06-01'", "last_transaction_date >= DATE '2024-06-01'"),
        ("country not in ('France', 'Spain')", "country IN ('Germany', 'Italy')"),
        ("lifetime_value > 1000 and not (country is null)", "lifetime_value > 1000 AND country IS NOT NULL"),
    ],
)
def test_each_operator(check: Check, text: str, sql: str) -> None:
    check(
        f"SELECT customer_id FROM gold.customer_360_profile WHERE {sql} ORDER BY 1",
        fields=["customer_id"],
        filters=parse_condition(text),
    )


@pytest.mark.parametrize(
    "value", ["' OR 1=1 --", '"; DROP TABLE gold.fct_transactions; --', "$1", "%", "\\", "''", "C1' UNION SELECT 1"]
)
@pytest.mark.parametrize("op", ["=", "contains", "starts_with", "in"])
def test_hostile_values_stay_data(ask: Ask, op: str, value: str) -> None:
    given: dict[str, Any] = {"values": [value]} if op == "in" else {"value": value}
    found = ask(fields=["customer_id"], filters={"field": "full_name", "op": op, **given})
    names = [row["customer_id"] for row in found.rows()]
    assert names == (["C6"] if value == "%" and op == "contains" else [])
    assert ask(metrics=["transaction_count"]).rows() == [{"transaction_count": 189}]


def test_having_filters_groups_and_formulas(check: Check) -> None:
    check(
        """
        SELECT country, count(*) FROM gold.customer_360_profile p GROUP BY 1
        HAVING count(*) >= 2 AND (SELECT sum(transaction_amount) FROM gold.fct_transactions f
          JOIN gold.customer_360_profile q USING (customer_id) WHERE q.country = p.country) / count(*) > 100
        ORDER BY 1
        """,
        metrics=["customer_count"],
        dimensions=["country"],
        filters=parse_condition("country is not null"),
        having=parse_condition("customer_count >= 2 and spend_per_customer > 100"),
    )


@pytest.mark.parametrize("grain", ["day", "week", "month", "quarter", "year"])
def test_dates_are_rounded_to_their_grain_and_weeks_start_on_monday(check: Check, grain: str) -> None:
    check(
        f"""
        SELECT CASE '{grain}' WHEN 'week' THEN transaction_date - CAST(isodow(transaction_date) - 1 AS INTEGER)
          WHEN 'day' THEN transaction_date ELSE date_trunc('{grain}', transaction_date)::DATE END AS d,
          sum(transaction_amount)
        FROM gold.fct_transactions GROUP BY 1 ORDER BY 1
        """,
        metrics=["total_spend"],
        dimensions=[f"transaction_date:{grain}"],
    )
