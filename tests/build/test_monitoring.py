"""MONITORING and REPORTING say what happened, and say so when something broke."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from customer360.warehouse import open_builds
from customer360.workspace import Workspace
from tests.build.messy import BAD, CUSTOMERS, GOOD

pytestmark = pytest.mark.integration


@pytest.fixture
def damaged(messy: Workspace, tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A copy of the published file that a test may change."""
    builds = open_builds(messy)
    path = shutil.copy(builds.folder(builds.current_id()) / "warehouse.duckdb", tmp_path / "warehouse.duckdb")
    with duckdb.connect(str(path)) as connection:
        yield connection


@pytest.mark.contract("X.41")
def test_every_rule_is_counted_with_the_rows_that_broke_it(warehouse: duckdb.DuckDBPyConnection) -> None:
    counted = dict(
        warehouse.execute(
            "select message, failed_rows from monitoring.data_quality_results "
            "where table_name = 'transactions' and consequence = 'reject'"
        ).fetchall()
    )
    rejects = warehouse.execute("select reject_reason from silver.rejects where table_name = 'transactions'").fetchall()
    broken = Counter(reason for (reasons,) in rejects for reason in reasons.split("; ") if "does not fit" not in reason)
    assert len(counted) == 12
    assert counted == dict(broken)


def test_results_of_dbt_tests_stand_beside_the_rules(warehouse: duckdb.DuckDBPyConnection) -> None:
    tests = warehouse.execute(
        "select rule_name, passed from monitoring.data_quality_results where category = 'test'"
    ).fetchall()
    assert ("assert_scd_type_2_integrity", True) in tests
    assert ("unique_fct_transactions_transaction_key", True) in tests
    assert all(passed for _, passed in tests)


def test_steps_and_lineage_come_from_the_artifacts_of_dbt(warehouse: duckdb.DuckDBPyConnection) -> None:
    steps = dict(
        warehouse.execute("select step_name, status from monitoring.pipeline_steps where kind = 'model'").fetchall()
    )
    assert steps["fct_transactions"] == "success"
    edges = warehouse.execute("select from_name, to_name from monitoring.lineage_edges").fetchall()
    assert ("stg_transactions", "fct_transactions") in edges
    assert ("fct_transactions", "int_customer_transaction_summary") in edges
    assert ("transactions_to_build", "base_transactions") in edges


def test_runs_that_ended_before_the_build_are_copied(warehouse: duckdb.DuckDBPyConnection) -> None:
    rows = warehouse.execute("select kind, status, seconds > 0 from monitoring.pipeline_runs").fetchall()
    assert rows == [("load", "succeeded", True)]


@pytest.mark.contract("S2.22")
def test_daily_metrics_equal_a_recomputation_from_the_facts(warehouse: duckdb.DuckDBPyConnection) -> None:
    check = """
        select transaction_date, count(*), count(*) filter (status = 'approved'), count(*) filter (status = 'declined'),
               coalesce(sum(attempted_amount) filter (status = 'approved'), 0), count(distinct customer_id)
        from gold.fct_transactions group by 1 order by 1
    """
    metrics = """
        select metric_date, transactions, approved_transactions, declined_transactions, spend, active_customers
        from processed_data.daily_metrics order by 1
    """
    assert warehouse.execute(metrics).fetchall() == warehouse.execute(check).fetchall()
    assert warehouse.execute("select sum(first_time_customers) from monitoring.daily_metrics").fetchall() == [(2,)]


@pytest.mark.contract("S2.25")
def test_the_executive_dashboard_equals_a_recomputation_from_the_facts(warehouse: duckdb.DuckDBPyConnection) -> None:
    check = """
        select count(*), coalesce(sum(attempted_amount) filter (status = 'approved'), 0),
               100.0 * count(*) filter (status = 'declined') / count(*)
        from gold.fct_transactions where customer_id is not null
    """
    dashboard = "select total_transactions, lifetime_value, declined_pct from reporting.executive_dashboard"
    assert warehouse.execute(dashboard).fetchall() == [pytest.approx(warehouse.execute(check).fetchall()[0])]
    assert warehouse.execute("select customers from reporting.executive_dashboard").fetchall() == [(3,)]


@pytest.mark.contract("S2.26")
def test_customer_360_is_the_profile_row_for_row(warehouse: duckdb.DuckDBPyConnection) -> None:
    differing = "(from {0} except from {1}) union all (from {1} except from {0})"
    pair = ("reporting.customer_360", "gold.customer_360_profile")
    assert warehouse.execute(differing.format(*pair)).fetchall() == []


@pytest.mark.contract("S2.24")
def test_job_monitoring_counts_runs_and_their_seconds(damaged: duckdb.DuckDBPyConnection) -> None:
    damaged.execute(
        """
        insert into monitoring.pipeline_runs values
        (11, 'build', 'x', 'succeeded', '2024-01-01 10:00:00', '2024-01-01 10:00:10', 10),
        (12, 'build', 'x', 'succeeded', '2024-01-02 10:00:00', '2024-01-02 10:00:20', 20),
        (13, 'build', 'x', 'failed', '2024-01-03 10:00:00', '2024-01-03 10:00:03', 3)
        """
    )
    [row] = damaged.execute(
        "select runs, succeeded_runs, failed_runs, success_rate_pct, mean_seconds, max_seconds, last_status "
        "from reporting.job_monitoring where kind = 'build'"
    ).fetchall()
    assert row == (3, 2, 1, pytest.approx(200 / 3), 11, 20, "failed")


@pytest.mark.contract("S2.23")
@pytest.mark.parametrize(
    ("component", "damage", "status"),
    [
        ("pipeline: load", "update monitoring.pipeline_runs set status = 'failed'", "down"),
        (
            "reconciliation: transactions",
            "update monitoring.row_reconciliation set silver_rows = 0 where table_name = 'transactions'",
            "down",
        ),
        ("freshness", "update gold.customer_360_profile set last_transaction_date = '2020-01-01'", "down"),
        (
            "alerts",
            "insert into monitoring.alerts values (1, '2024-01-01', 'high', 'x', 'broken', null)",
            "degraded",
        ),
    ],
)
def test_a_broken_component_changes_its_status(
    damaged: duckdb.DuckDBPyConnection, component: str, damage: str, status: str
) -> None:
    ask = "select status from reporting.operational_status where component = $1"
    assert damaged.execute(ask, [component]).fetchall() == [("up",)]
    damaged.execute(damage)
    assert damaged.execute(ask, [component]).fetchall() == [(status,)]


@pytest.mark.contract("S2.09")
def test_raw_data_lists_what_the_build_is_made_of(warehouse: duckdb.DuckDBPyConnection) -> None:
    rows = warehouse.execute(
        "select table_name, sum(rows_landed)::integer, bool_and(length(sha256) = 64) from raw_data.batches "
        "where table_name in ('transactions', 'customers') group by 1 order by 1"
    ).fetchall()
    assert rows == [("customers", len(CUSTOMERS), True), ("transactions", len(GOOD) + len(BAD), True)]
