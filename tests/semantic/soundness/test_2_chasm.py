"""Invariant: two fine tables that share customers do not multiply each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.semantic.conftest import Check

pytestmark = [pytest.mark.integration, pytest.mark.contract("S3.96")]


def test_transactions_months_and_versions_beside_each_other(check: Check) -> None:
    check(
        """
        WITH p AS (SELECT country, count(*) AS n FROM gold.customer_360_profile GROUP BY ALL),
        f AS (SELECT country, sum(transaction_amount) AS spend FROM gold.fct_transactions
              LEFT JOIN gold.customer_360_profile USING (customer_id) GROUP BY ALL),
        m AS (SELECT country, sum(spend) AS spend, count(*) AS n FROM gold.monthly_customer_spending
              JOIN gold.customer_360_profile USING (customer_id) GROUP BY ALL),
        v AS (SELECT p.country, count(*) AS n FROM gold.dim_customer
              JOIN gold.customer_360_profile p USING (customer_id) GROUP BY ALL)
        SELECT p.country, p.n, f.spend, m.spend, coalesce(m.n, 0), v.n FROM p
        LEFT JOIN f ON f.country IS NOT DISTINCT FROM p.country
        LEFT JOIN m ON m.country IS NOT DISTINCT FROM p.country
        LEFT JOIN v ON v.country IS NOT DISTINCT FROM p.country
        ORDER BY p.country NULLS LAST
        """,
        metrics=[
            "customer_count",
            "total_spend",
            "total_month_spend",
            "customer_month_count",
            "customer_version_count",
        ],
        dimensions=["country"],
    )


def test_two_fine_tables_by_the_key_they_share(check: Check) -> None:
    check(
        """
        SELECT f.customer_id, f.spend, m.spend FROM
          (SELECT customer_id, sum(transaction_amount) AS spend FROM gold.fct_transactions GROUP BY 1) f
        LEFT JOIN (SELECT customer_id, sum(spend) AS spend FROM gold.monthly_customer_spending GROUP BY 1) m
          ON m.customer_id = f.customer_id
        ORDER BY f.customer_id NULLS LAST
        """,
        metrics=["total_spend", "total_month_spend"],
        dimensions=["customer_id"],
    )


def test_a_filter_on_a_sibling_keeps_each_transaction_once_and_drops_guests(check: Check) -> None:
    check(
        """
        SELECT sum(transaction_amount), count(*) FROM gold.fct_transactions
        WHERE customer_id IN (SELECT customer_id FROM gold.monthly_customer_spending WHERE spend > 500)
        """,
        metrics=["total_spend", "transaction_count"],
        filters={"field": "month_spend", "op": ">", "value": 500},
    )


def test_products_filtered_by_the_country_of_their_buyers(check: Check) -> None:
    check(
        """
        SELECT count(*) FROM gold.dim_product WHERE product_key IN (
          SELECT f.product_key FROM gold.fct_transactions f
          JOIN gold.customer_360_profile p ON p.customer_id = f.customer_id WHERE p.country = 'Italy')
        """,
        metrics=["product_count"],
        filters={"field": "country", "op": "=", "value": "Italy"},
    )
