"""Invariant: a row is counted once, whatever else is asked beside it, grouped by or filtered by."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.semantic.conftest import Ask, Check

pytestmark = [pytest.mark.integration, pytest.mark.contract("S3.96")]


def test_customers_beside_spend_are_not_multiplied_by_transactions(check: Check) -> None:
    check(
        """
        SELECT (SELECT count(*) FROM gold.customer_360_profile),
               (SELECT sum(lifetime_value) FROM gold.customer_360_profile),
               (SELECT sum(transaction_amount) FROM gold.fct_transactions)
        """,
        metrics=["customer_count", "total_lifetime_value", "total_spend"],
    )


def test_spend_by_an_attribute_of_the_customer_counts_each_transaction_once(check: Check) -> None:
    check(
        """
        SELECT (SELECT country FROM gold.customer_360_profile p WHERE p.customer_id = f.customer_id) AS country,
               sum(transaction_amount)
        FROM gold.fct_transactions f GROUP BY country ORDER BY country NULLS LAST
        """,
        metrics=["total_spend"],
        dimensions=["country"],
    )


def test_spend_by_four_coarser_tables_at_once_adds_up(ask: Ask, check: Check) -> None:
    dimensions = ["card_type", "category_name", "product_name", "calendar_month"]
    table = ask(metrics=["transaction_count"], dimensions=dimensions).table
    total = ask(metrics=["transaction_count"]).table
    assert sum(table.column("transaction_count").to_pylist()) == total.column(0)[0].as_py() == 189


def test_a_finer_filter_keeps_each_customer_once(check: Check) -> None:
    check(
        """
        SELECT count(*), sum(lifetime_value) FROM gold.customer_360_profile
        WHERE customer_id IN (SELECT customer_id FROM gold.fct_transactions WHERE channel = 'Online')
        """,
        metrics=["customer_count", "total_lifetime_value"],
        filters={"field": "channel", "op": "=", "value": "Online"},
    )


def test_a_list_of_customers_with_a_finer_filter_has_one_row_each(check: Check) -> None:
    check(
        """
        SELECT customer_id, lifetime_value FROM gold.customer_360_profile
        WHERE customer_id IN (SELECT customer_id FROM gold.fct_transactions WHERE transaction_amount > 100)
        ORDER BY lifetime_value DESC, customer_id
        """,
        fields=["customer_id", "lifetime_value"],
        filters={"field": "transaction_amount", "op": ">", "value": 100},
        order=["-lifetime_value"],
    )


def test_a_list_of_transactions_has_one_row_each_with_attributes_of_four_tables(ask: Ask) -> None:
    fields = ["transaction_key", "full_name", "category_name", "product_name", "is_weekend"]
    table = ask(fields=fields).table
    keys = table.column("transaction_key").to_pylist()
    assert len(keys) == len(set(keys)) == 189


def test_versions_of_customers_do_not_multiply_customers(check: Check) -> None:
    check(
        "SELECT (SELECT count(*) FROM gold.customer_360_profile), (SELECT count(*) FROM gold.dim_customer)",
        metrics=["customer_count", "customer_version_count"],
    )
