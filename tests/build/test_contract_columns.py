"""Every table that the contract names is in a build, with its columns under their one spelling."""

from __future__ import annotations

import csv

import duckdb
import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.integration

TABLES = {
    "gold.dim_customer": (
        "customer_key customer_id customer_name first_name last_name email email_domain age city state region "
        "employment_status customer_type card_type credit_limit account_open_date customer_segment decline_type "
        "valid_from valid_to is_current"
    ),
    "gold.dim_product": "product_key product_id product_name category type",
    "gold.fct_customer_products": "customer_id product_id relationship_type start_date end_date is_active",
    "gold.dim_merchant_category": (
        "category_key category_id category_name category_group is_discretionary is_travel is_necessity"
    ),
    "gold.dim_date": (
        "date_key date year quarter month week day day_of_week day_of_month is_holiday holiday_name fiscal_year "
        "fiscal_quarter fiscal_period"
    ),
    "gold.fct_transactions": (
        "transaction_key transaction_id customer_key customer_id merchant_category_key date_key transaction_date "
        "transaction_amount attempted_amount transaction_count merchant_name channel status"
    ),
    "gold.customer_segments": (
        "customer_id customer_segment segment_assigned_date tenure_months spend_last_90_days spend_prior_90_days "
        "spend_change_pct avg_monthly_spend_90_days travel_pct_90_days necessities_pct_90_days recency_score "
        "frequency_score monetary_score"
    ),
    "gold.customer_segment_history": "customer_id customer_segment valid_from valid_to",
    "gold.customer_360_profile": (
        "customer_id customer_name email age state market_segment customer_type card_type customer_tier credit_limit "
        "customer_segment tenure_months lifetime_value transaction_count avg_transaction_value avg_monthly_spend "
        "spend_last_90_days spend_prior_90_days spend_change_pct transactions_last_90_days travel_spend_pct "
        "necessities_spend_pct credit_utilization_pct days_since_last_transaction recency_status spending_profile "
        "eligible_for_retention eligible_for_upgrade churn_risk_score churn_risk_category churn_probability "
        "product_count"
    ),
    "gold.metric_customer_ltv": "customer_id value window",
    "gold.metric_avg_transaction_value": "customer_id value window",
    "gold.monthly_customer_spending": "customer_id month spend transactions declines",
    "silver.int_customer_transaction_summary": (
        "customer_id first_transaction_date last_transaction_date lifetime_value spend_last_30_days spend_last_60_days "
        "spend_last_90_days spend_prior_90_days travel_spend necessities_spend declined_transactions "
        "days_since_last_transaction"
    ),
    "silver.customer_quality": "customer_id data_quality_score missing_fields invalid_fields quality_bucket",
    "silver.rejects": "table_name record_key reject_reason payload batch_id",
    "monitoring.pipeline_runs": "run_id kind status started_at finished_at",
    "monitoring.pipeline_steps": "step_name status seconds",
    "monitoring.data_quality_results": "table_name rule_name failed_rows passed",
    "monitoring.lineage_edges": "from_name to_name",
    "monitoring.query_performance": "query_id seconds",
    "monitoring.api_metrics": "route status_code requests",
    "monitoring.alerts": "alert_id severity message resolved_at",
    "monitoring.ingestion_runs": "run_id source_system records_fetched",
    "monitoring.daily_metrics": "metric_date transactions spend",
    "reporting.operational_status": "component status detail",
    "reporting.job_monitoring": "kind runs success_rate_pct mean_seconds",
    "reporting.executive_dashboard": "as_of_date customers lifetime_value",
    "reporting.customer_360": "customer_id customer_segment lifetime_value",
    "api.products": "product_id product_name category type",
    "api.customer_products": "customer_id product_id relationship_type start_date end_date",
}


def aliases(kind: str) -> dict[str, str]:
    with (ROOT / "transform" / "seeds" / "name_aliases.csv").open(encoding="utf-8") as file:
        return {row["alias"]: row["name"] for row in csv.DictReader(file) if row["kind"] == kind}


@pytest.mark.contract("X.40")
@pytest.mark.parametrize("table", TABLES)
def test_a_table_has_the_columns_of_the_contract(warehouse: duckdb.DuckDBPyConnection, table: str) -> None:
    has = set(warehouse.sql(f"from {table} limit 0").columns)
    other = aliases("column")
    wanted = {name if name in has else other.get(name, name) for name in TABLES[table].split()}
    assert wanted - has == set()


@pytest.mark.contract("S1.07")
def test_the_view_of_customers_has_the_columns_of_the_contract(warehouse: duckdb.DuckDBPyConnection) -> None:
    rows = warehouse.execute("select customer_id, customer_name, customer_type, region from api.customers order by 1")
    assert rows.fetchall()[0][:2] == ("C1", "Ana Élan")


@pytest.mark.contract("X.40")
def test_a_column_has_one_spelling(warehouse: duckdb.DuckDBPyConnection) -> None:
    """No gold table has a column under a name that is the alias of another column of the same table."""
    columns = warehouse.execute(
        "select table_name, list(column_name) from duckdb_columns() where schema_name = 'gold' group by 1"
    ).fetchall()
    twice = [
        (table, alias)
        for table, names in columns
        for alias, name in aliases("column").items()
        if alias in names and name in names
    ]
    assert twice == []


@pytest.mark.parametrize("alias, name", aliases("table").items())
def test_what_an_alias_of_a_table_stands_for_is_there(
    warehouse: duckdb.DuckDBPyConnection, alias: str, name: str
) -> None:
    warehouse.sql(f"from {name if '.' in name else 'gold.' + name} limit 0")


def test_the_list_of_aliases_is_in_the_build(warehouse: duckdb.DuckDBPyConnection) -> None:
    assert dict(
        warehouse.execute("select alias, name from monitoring.name_aliases where kind = 'value'").fetchall()
    ) == aliases("value")
