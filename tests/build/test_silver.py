"""What becomes of good and bad rows between bronze and gold."""

from __future__ import annotations

from decimal import Decimal

import duckdb
import pytest

from tests.build.messy import BAD, BAD_HOLDINGS, CATEGORIES, CHANGES, CUSTOMERS, GOOD, HOLDINGS, PRODUCTS

pytestmark = pytest.mark.integration


@pytest.mark.parametrize(
    ("table", "good", "bad"), [("transactions", GOOD, BAD), ("customer_products", HOLDINGS, BAD_HOLDINGS)]
)
def test_every_bad_row_is_rejected_with_its_reason(
    warehouse: duckdb.DuckDBPyConnection, table: str, good: list[str], bad: dict[str, str]
) -> None:
    reasons = warehouse.execute(
        "select source_line, reject_reason from silver.rejects where table_name = $1 order by 1", [table]
    ).fetchall()
    first_bad_line = 2 + len(good)
    assert [line for line, _ in reasons] == list(range(first_bad_line, first_bad_line + len(bad)))
    for (_, reason), wanted in zip(reasons, bad.values(), strict=True):
        assert wanted in reason


@pytest.mark.contract("S3.51")
def test_bronze_is_silver_plus_rejects_for_every_table(warehouse: duckdb.DuckDBPyConnection) -> None:
    counts = {row[0]: row[1:] for row in warehouse.execute("from monitoring.row_reconciliation").fetchall()}
    assert counts == {
        "customers": (len(CUSTOMERS), 3, 2),
        "customer_changes": (len(CHANGES), 4, 3),
        "merchant_categories": (len(CATEGORIES), 3, 1),
        "products": (len(PRODUCTS), 4, 1),
        "customer_products": (len(HOLDINGS) + len(BAD_HOLDINGS), len(HOLDINGS), len(BAD_HOLDINGS)),
        "transactions": (len(GOOD) + len(BAD), len(GOOD), len(BAD)),
        "api_customers": (0, 0, 0),
        "api_carts": (0, 0, 0),
    }


def test_a_reject_keeps_the_row_and_where_it_came_from(warehouse: duckdb.DuckDBPyConnection) -> None:
    [(payload, file)] = warehouse.execute(
        "select payload, source_file from silver.rejects where record_key = 'B5'"
    ).fetchall()
    assert '"quantity":"many"' in payload.replace(" ", "").replace("\\", "")
    assert file == "transactions.csv"


@pytest.mark.contract("X.2")
def test_a_declined_row_stays_with_what_was_attempted(warehouse: duckdb.DuckDBPyConnection) -> None:
    rows = warehouse.execute(
        "select transaction_amount, attempted_amount from gold.fct_transactions where transaction_id = 'T3'"
    ).fetchall()
    assert rows == [(None, Decimal("25.2500"))]


def test_a_guest_is_no_customer(warehouse: duckdb.DuckDBPyConnection) -> None:
    rows = warehouse.execute(
        "select customer_id, customer_key from gold.fct_transactions where transaction_id = 'T6'"
    ).fetchall()
    assert rows == [(None, None)]
    assert warehouse.table("gold.customer_360_profile").count("*").fetchall() == [(3,)]


@pytest.mark.contract("S3.56")
def test_type_2_attributes_make_versions_and_type_1_overwrite_all(warehouse: duckdb.DuckDBPyConnection) -> None:
    rows = warehouse.execute(
        "select card_type, credit_limit, city, cast(valid_from as date)::varchar, is_current "
        "from gold.dim_customer where customer_id = 'C1' order by valid_from"
    ).fetchall()
    assert rows == [
        ("Standard", Decimal("5000.00"), "Boston", "2024-01-05", False),
        ("Premium", Decimal("5000.00"), "Boston", "2024-03-01", False),
        ("Premium", Decimal("8000.00"), "Boston", "2024-05-01", True),
    ]


def test_a_fact_points_at_the_version_of_its_moment(warehouse: duckdb.DuckDBPyConnection) -> None:
    rows = warehouse.execute(
        "select transaction_id, version_number from gold.fct_transactions join gold.dim_customer using (customer_key) "
        "where fct_transactions.customer_id = 'C1' order by 1"
    ).fetchall()
    assert rows == [("T1", 1), ("T2", 2), ("T3", 3)]


def test_timestamps_become_utc_and_dates_stay_local(warehouse: duckdb.DuckDBPyConnection) -> None:
    rows = warehouse.execute(
        "select transaction_at::varchar, transaction_date::varchar from gold.fct_transactions "
        "where transaction_id in ('T1', 'T4') order by transaction_id"
    ).fetchall()
    assert rows == [("2024-02-01 09:00:00", "2024-02-01"), ("2024-06-30 08:00:00", "2024-06-30")]


@pytest.mark.contract("S3.48")
def test_names_and_addresses_are_cleaned(warehouse: duckdb.DuckDBPyConnection) -> None:
    rows = warehouse.execute(
        "select full_name, email, email_domain, state, search_text from gold.customer_360_profile "
        "where customer_id = 'C1'"
    ).fetchall()
    assert rows == [("Ana Élan", "ana@example.org", "example.org", "NY", "c1 ana elan ana@example.org")]


def test_a_change_is_cleaned_like_a_statement_and_rejected_where_it_does_not_fit(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    now = "select email, credit_limit from gold.customer_360_profile where customer_id = 'C3'"
    assert warehouse.execute(now).fetchall() == [("cy@example.org", Decimal("7000.00"))]
    reason = "select reject_reason from silver.rejects where record_key = 'H6'"
    assert warehouse.execute(reason).fetchall() == [("new_value does not fit its attribute",)]


@pytest.mark.contract("X.3")
def test_codes_roll_up_to_categories(warehouse: duckdb.DuckDBPyConnection) -> None:
    rows = warehouse.execute(
        "select category_name, is_travel, is_necessity from gold.dim_merchant_category order by 1"
    ).fetchall()
    assert rows == [("Grocery", False, True), ("Travel", True, False)]


def test_a_product_has_the_name_it_was_given_most_often(warehouse: duckdb.DuckDBPyConnection) -> None:
    names = warehouse.execute("select product_id, product_name from gold.dim_product order by 1").fetchall()
    assert names == [("P1", "Chair"), ("P2", "Stool")]


@pytest.mark.contract("S3.65")
def test_the_profile_equals_a_computation_by_hand(warehouse: duckdb.DuckDBPyConnection) -> None:
    [row] = warehouse.execute(
        "select lifetime_value, total_transactions, declined_transactions, avg_transaction_value, "
        "spend_last_90_days, spend_prior_90_days, travel_spend_pct, necessities_spend_pct, order_count, "
        "avg_order_value, days_since_last_transaction, recency_status, credit_utilization_pct "
        "from gold.customer_360_profile where customer_id = 'C1'"
    ).fetchall()
    # As of 2024-06-30: 150.50 over two approved rows; 2024-04-01 is day 90 before and so belongs to the prior window.
    assert row[:6] == (Decimal("150.5000"), 3, 1, Decimal("75.2500"), Decimal("0.0000"), Decimal("150.5000"))
    assert row[6] == pytest.approx(100 * 100 / 150.5)
    assert row[7] == pytest.approx(100 * 50.5 / 150.5)
    assert row[8:] == (2, Decimal("75.2500"), 29, "Active", 0.0)


def test_nothing_in_a_build_reads_bronze(warehouse: duckdb.DuckDBPyConnection) -> None:
    views = warehouse.execute(
        "select distinct schema_name from duckdb_views() where not internal order by 1"
    ).fetchall()
    assert views == [("api",), ("processed_data",), ("raw_data",), ("reporting",)]
    assert warehouse.execute("select count(*) from duckdb_schemas() where schema_name = 'bronze'").fetchall() == [(0,)]
    for schema, view in warehouse.execute(
        "select schema_name, view_name from duckdb_views() where not internal"
    ).fetchall():
        warehouse.execute(f"select * from {schema}.{view}").fetchall()


@pytest.mark.contract("S1.09")
def test_holdings_say_who_holds_what_now(warehouse: duckdb.DuckDBPyConnection) -> None:
    rows = warehouse.execute(
        "select customer_id, product_id, relationship_type, is_active from api.customer_products order by 1, 2"
    ).fetchall()
    assert rows == [("C1", "P1", "owner", True), ("C1", "P2", "owner", False), ("C2", "P1", "joint", True)]
    counts = "select customer_id, product_count from gold.customer_360_profile order by 1"
    assert warehouse.execute(counts).fetchall() == [("C1", 1), ("C2", 1), ("C3", 0)]


@pytest.mark.contract("S4.23")
def test_missing_and_implausible_fields_lower_the_score(warehouse: duckdb.DuckDBPyConnection) -> None:
    rows = warehouse.execute(
        "select customer_id, missing_fields, invalid_fields, data_quality_score, quality_bucket "
        "from silver.customer_quality order by 1"
    ).fetchall()
    assert rows == [
        ("C1", None, None, 100, "high"),
        ("C2", "last_name, city", None, 80, "medium"),
        ("C3", "city", None, 90, "high"),
    ]
