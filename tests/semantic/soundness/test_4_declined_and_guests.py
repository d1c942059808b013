"""Invariant: declined transactions count and do not sum; guests' transactions belong to nobody and are not lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.semantic.conftest import Ask, Check

pytestmark = pytest.mark.integration


def test_declined_rows_are_counted_and_not_summed(check: Check) -> None:
    check(
        """
        SELECT count(*), count(*) FILTER (status = 'approved'), count(*) FILTER (status = 'declined'),
          100.0 * count(*) FILTER (status = 'declined') / count(*),
          100.0 * count(*) FILTER (status = 'approved') / count(*),
          sum(attempted_amount) FILTER (status = 'approved'), sum(attempted_amount),
          (sum(attempted_amount) FILTER (status = 'approved') / count(*) FILTER (status = 'approved'))::DECIMAL(38, 4)
        FROM gold.fct_transactions
        """,
        metrics=[
            "transaction_count",
            "approved_transaction_count",
            "declined_transaction_count",
            "decline_rate",
            "approval_rate",
            "total_spend",
            "total_attempted_amount",
            "avg_transaction_amount",
        ],
    )


def test_a_customer_with_declined_rows_only_transacted_and_spent_nothing_known(ask: Ask) -> None:
    only = {"field": "customer_id", "op": "=", "value": "C7"}
    (row,) = ask(metrics=["transacting_customer_count", "transaction_count", "total_spend"], filters=only).rows()
    assert list(row.values()) == [1, 2, None]


def test_guests_spend_and_are_no_customers(check: Check) -> None:
    check(
        """
        SELECT sum(transaction_amount), count(DISTINCT customer_id), count(*) FILTER (customer_id IS NULL),
          (SELECT count(*) FROM gold.customer_360_profile)
        FROM gold.fct_transactions
        """,
        metrics=["total_spend", "transacting_customer_count", "guest_transaction_count", "customer_count"],
    )


def test_spend_by_customer_keeps_guests_in_one_group_without_a_customer(check: Check) -> None:
    check(
        """
        SELECT customer_id, sum(transaction_amount) FROM gold.fct_transactions
        GROUP BY 1 ORDER BY 2 DESC NULLS LAST, 1 NULLS LAST
        """,
        metrics=["total_spend"],
        dimensions=["customer_id"],
        order=["-total_spend"],
    )


def test_a_filter_on_guests_never_matches_a_customer(ask: Ask) -> None:
    guests = {"field": "is_guest", "op": "=", "value": True}
    (row,) = ask(metrics=["customer_count", "transaction_count", "guest_transaction_rate"], filters=guests).rows()
    assert list(row.values()) == [0, 31, 100.0]


def test_customers_without_any_transaction_of_a_kind_include_those_without_transactions(check: Check) -> None:
    check(
        """
        SELECT customer_id FROM gold.customer_360_profile p WHERE NOT EXISTS (
          SELECT 1 FROM gold.fct_transactions f WHERE f.customer_id = p.customer_id AND f.status = 'approved')
        ORDER BY 1
        """,
        fields=["customer_id"],
        filters={"not": {"field": "status", "op": "=", "value": "approved"}},
    )
