"""The messy little company and a small bank on both engines: built by DuckDB, then moved to Snowflake's emulator."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from customer360.build.migrating import migrate
from customer360.settings import ResourceSettings, SnowflakeSettings, WorkspaceSettings, load
from customer360.warehouse import open_builds
from customer360.warehouse.snowflake_account import Account
from customer360.workspace import Workspace
from tests.build.messy import write_dataset, write_files
from tests.conftest import deployed, publish, settings_of
from tests.servers.snowflake_emulator import Emulator


@dataclass(frozen=True)
class TwoBuilds:
    """The same batches, built twice: a DuckDB file, and schemas of the emulator that carry the build's id."""

    workspace: Workspace
    settings: SnowflakeSettings
    duckdb_file: Path
    snowflake: Account
    suffix: str
    dbt_folder: Path


@pytest.fixture(scope="session")
def snowflake(emulator: Emulator) -> Iterator[Account]:
    """A session on the emulator."""
    with closing(Account(settings_of(emulator, "DIALECT"))) as account:
        yield account


def build_twice(home: Path, emulator: Emulator, folder: Path) -> TwoBuilds:
    """Move a copy of a workspace to the emulator."""
    workspace = Workspace(Path(shutil.copytree(home, folder / "home")))
    settings = deployed(settings_of(emulator, f"PARITY_{home.parent.name}_{home.name}".replace("-", "_")))
    record = migrate(workspace, settings, load(ResourceSettings), load(WorkspaceSettings))
    with closing(open_builds(workspace)) as files:
        file = files.folder(files.current_id()) / "warehouse.duckdb"
    dbt_folder = workspace.builds / record.build_id / "dbt"
    return TwoBuilds(workspace, settings, file, Account(settings), f"_{record.build_id}", dbt_folder)


@pytest.fixture(scope="session")
def messy_builds(shared_tmp: Path, emulator: Emulator, tmp_path_factory: pytest.TempPathFactory) -> TwoBuilds:
    """The messy company on both engines."""
    folder = shared_tmp / "messy"
    dataset, files = write_dataset(folder / "dataset"), write_files(folder / "files")
    home = publish(folder / "home", str(dataset), files).home
    return build_twice(home, emulator, tmp_path_factory.mktemp("messy"))


@pytest.fixture(scope="session")
def bank_builds(small_bank_home: Path, emulator: Emulator, tmp_path_factory: pytest.TempPathFactory) -> TwoBuilds:
    """The small synthetic bank on both engines."""
    return build_twice(small_bank_home, emulator, tmp_path_factory.mktemp("bank"))


def tables_of(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Return the tables of silver and gold."""
    rows = connection.execute(
        "select schema_name || '.' || table_name from duckdb_tables() "
        "where schema_name in ('silver', 'gold') order by 1"
    ).fetchall()
    return [name for (name,) in rows]
