"""The messy little company, built by DuckDB and by Snowflake's emulator from the same Parquet files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from customer360.build.dbt import variables
from customer360.build.making import Start
from customer360.warehouse import open_builds
from customer360.workspace import Workspace
from tests.build.messy import write_dataset, write_files
from tests.conftest import publish
from tests.servers.snowflake_emulator import Emulator
from tests.transform_snowflake.account import Account, run_dbt


@dataclass(frozen=True)
class TwoBuilds:
    """The same batches, built twice: a DuckDB file, and schemas of the emulator that carry the build's id."""

    duckdb_file: Path
    snowflake: Account
    suffix: str
    dbt_output: str
    dbt_folder: Path


@pytest.fixture(scope="session")
def snowflake(emulator: Emulator) -> Account:
    """The emulated account, with its database."""
    account = Account(emulator.port)
    account.create_database()
    return account


def build_twice(workspace: Workspace, snowflake: Account, folder: Path) -> TwoBuilds:
    """Build the batches of a workspace's published build on the emulator."""
    builds = open_builds(workspace)
    record = builds.get(builds.current_id())
    suffix = f"_{record.build_id}"
    snowflake.land(workspace, record.batches, suffix)
    told = variables(record.dataset, Start(str(record.as_of_date))) | {"schema_suffix": suffix}
    run = run_dbt(["build", "--exclude-resource-type", "unit_test"], told, snowflake.environment(), folder)
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr
    return TwoBuilds(builds.folder(record.build_id) / "warehouse.duckdb", snowflake, suffix, run.stdout, folder)


@pytest.fixture(scope="session")
def messy_builds(shared_tmp: Path, snowflake: Account, tmp_path_factory: pytest.TempPathFactory) -> TwoBuilds:
    """The messy company on both engines."""
    folder = shared_tmp / "messy"
    dataset, files = write_dataset(folder / "dataset"), write_files(folder / "files")
    workspace = publish(folder / "home", str(dataset), files)
    return build_twice(workspace, snowflake, tmp_path_factory.mktemp("dbt"))


@pytest.fixture(scope="session")
def bank_builds(small_bank_home: Path, snowflake: Account, tmp_path_factory: pytest.TempPathFactory) -> TwoBuilds:
    """The small synthetic bank on both engines."""
    return build_twice(Workspace(small_bank_home), snowflake, tmp_path_factory.mktemp("dbt"))


def tables_of(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Return the tables of silver and gold."""
    rows = connection.execute(
        "select schema_name || '.' || table_name from duckdb_tables() "
        "where schema_name in ('silver', 'gold') order by 1"
    ).fetchall()
    return [name for (name,) in rows]
