"""Each invariant of the gate, held against data that breaks it: dbt's own compiled test must give rows."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from customer360.build.dbt import DbtRun
from customer360.build.gate import check
from customer360.errors import BuildFailed
from customer360.settings import SEMANTIC_MODELS
from customer360.warehouse import DuckDBWarehouse, open_builds
from customer360.workspace import Workspace

pytestmark = pytest.mark.integration

MUTATIONS = {
    "assert_bronze_equals_silver_plus_rejects": (
        "update monitoring.row_reconciliation set silver_rows = silver_rows - 1"
    ),
    "assert_no_table_is_rejected_whole": "update monitoring.row_reconciliation set silver_rows = 0",
    "assert_scd_type_2_integrity": (
        "update gold.dim_customer set valid_to = '2024-04-15' where customer_id = 'C1' and version_number = 1"
    ),
    "assert_scd_type_2_no_gaps": (
        "update gold.dim_customer set valid_to = '2024-02-15' where customer_id = 'C1' and version_number = 1"
    ),
    "assert_facts_have_their_customer_version": (
        "update gold.fct_transactions set customer_key = 1 where transaction_id = 'T1'"
    ),
    "assert_profile_equals_facts": (
        "update gold.customer_360_profile set lifetime_value = lifetime_value + 0.0001 where customer_id = 'C1'"
    ),
    "assert_rollups_equal_facts": (
        "update gold.transactions_by_day set row_count = row_count + 1 where transaction_date < '2024-03-01'"
    ),
    "assert_segment_distribution": (
        "insert into gold.customer_segments by name select 'N' || n as customer_id, 'Declining' as customer_segment, "
        "1.0 as travel_pct_90_days, 1.0 as necessities_pct_90_days from range(2000) as t(n)"
    ),
    "assert_every_customer_has_a_profile": "delete from gold.customer_360_profile where customer_id = 'C3'",
}


@pytest.fixture
def copy(messy: Workspace, tmp_path: Path) -> Path:
    """A copy of the published build's folder that a test may damage."""
    builds = open_builds(messy)
    return Path(shutil.copytree(builds.folder(builds.current_id()), tmp_path / "build"))


def hold(folder: Path, run: DbtRun) -> None:
    """Hold a build's folder against its gate."""
    warehouse = DuckDBWarehouse(folder / "warehouse.duckdb", threads=1, memory="1GB", locked_down=False)
    with closing(warehouse):
        check(warehouse, [folder / f"{name}.yaml" for name in SEMANTIC_MODELS], run)


def compiled(folder: Path, name: str) -> str:
    """Return a test's SQL as dbt compiled it, for the copy."""
    [path] = folder.glob(f"dbt/compiled/**/{name}.sql")
    return path.read_text(encoding="utf-8").replace('"warehouse".', "")


@pytest.mark.contract("S3.54")
@pytest.mark.parametrize("name", MUTATIONS)
def test_broken_data_fails_the_invariant_and_good_data_does_not(copy: Path, name: str) -> None:
    sql = compiled(copy, name)
    with duckdb.connect(str(copy / "warehouse.duckdb")) as connection:
        assert connection.sql(sql).fetchall() == []
        connection.execute(MUTATIONS[name])
        assert connection.sql(sql).fetchall() != []


def test_every_singular_test_of_the_project_has_its_mutation(copy: Path) -> None:
    names = {path.stem for path in copy.glob("dbt/compiled/**/assert_*.sql")}
    assert names == set(MUTATIONS)


def test_the_gate_names_the_failing_rows(copy: Path) -> None:
    name = "assert_profile_equals_facts"
    with duckdb.connect(str(copy / "warehouse.duckdb")) as connection:
        connection.execute(MUTATIONS[name])
    failed = {"name": name, "failures": 1, "sql": compiled(copy, name)}
    with pytest.raises(BuildFailed) as raised:
        hold(copy, DbtRun([failed], [], {}, {}))
    [detail] = raised.value.details
    assert detail["field"] == name
    assert detail["value"][0]["profile_amount"] == "200.5001"


def test_the_gate_holds_the_invariants_against_the_finished_file(copy: Path) -> None:
    """dbt said that the test passed; what is read later says otherwise, and that decides."""
    name = "assert_every_customer_has_a_profile"
    passed = DbtRun([], [], {}, {}, invariants=[{"name": name, "failures": 0, "sql": compiled(copy, name)}])
    hold(copy, passed)
    with duckdb.connect(str(copy / "warehouse.duckdb")) as connection:
        connection.execute(MUTATIONS[name])
    with pytest.raises(BuildFailed) as raised:
        hold(copy, passed)
    assert raised.value.details == [{"field": name, "value": [{"customer_id": "C3"}], "message": "1 rows fail"}]


def test_the_gate_refuses_a_semantic_model_that_does_not_fit(copy: Path) -> None:
    with duckdb.connect(str(copy / "warehouse.duckdb")) as connection:
        connection.execute("alter table gold.dim_product drop column type")
    with pytest.raises(BuildFailed) as raised:
        hold(copy, DbtRun([], [], {}, {}))
    assert "type" in raised.value.details[0]["message"]


def test_the_gate_refuses_a_second_model_that_does_not_fit_but_not_what_was_noted_twice(copy: Path) -> None:
    with duckdb.connect(str(copy / "warehouse.duckdb")) as connection:
        connection.execute("insert into monitoring.pipeline_steps from monitoring.pipeline_steps")
    hold(copy, DbtRun([], [], {}, {}))
    with duckdb.connect(str(copy / "warehouse.duckdb")) as connection:
        connection.execute("alter table monitoring.alerts drop column severity")
    with pytest.raises(BuildFailed) as raised:
        hold(copy, DbtRun([], [], {}, {}))
    [detail] = raised.value.details
    assert detail["field"] == "operations.yaml"
    assert "severity" in detail["message"]


def test_the_gate_refuses_a_key_that_is_repeated(copy: Path) -> None:
    with duckdb.connect(str(copy / "warehouse.duckdb")) as connection:
        connection.execute("insert into gold.dim_product from gold.dim_product")
    with pytest.raises(BuildFailed) as raised:
        hold(copy, DbtRun([], [], {}, {}))
    assert raised.value.details[0]["message"] == "a primary key is not unique"
