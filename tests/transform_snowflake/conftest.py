"""The messy little company and a small bank on both engines: built by DuckDB, then moved to Snowflake's emulator."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
import pytest

from customer360.warehouse import open_builds
from customer360.warehouse.snowflake_account import Account
from customer360.workspace import Workspace
from tests.build.messy import write_dataset, write_files
from tests.conftest import account_on, move, publish
from tests.servers.snowflake_emulator import Emulator


@dataclass(frozen=True)
class TwoBuilds:
    """The same batches, built twice: a DuckDB file, and schemas of the emulator that carry the build's id."""

    workspace: Workspace
    duckdb_file: Path
    snowflake: Account
    suffix: str
    dbt_folder: Path


@pytest.fixture(scope="session")
def snowflake(emulator: Emulator) -> Iterator[Account]:
    """A session on the emulator."""
    with closing(Account(account_on(emulator))) as account:
        yield account


def opened(workspace: Workspace) -> TwoBuilds:
    """Open both builds of a workspace that was moved to the emulator."""
    assert workspace.account
    files, schemas = open_builds(replace(workspace, account=None)), open_builds(workspace)
    with closing(files), closing(schemas):
        file, build_id = files.folder(files.current_id()) / "warehouse.duckdb", schemas.current_id()
    dbt_folder = workspace.builds / build_id / "dbt"
    return TwoBuilds(workspace, file, Account(workspace.account), f"_{build_id}", dbt_folder)


@pytest.fixture(scope="session")
def messy_builds(shared_tmp: Path, emulator: Emulator, tmp_path_factory: pytest.TempPathFactory) -> TwoBuilds:
    """The messy company on both engines."""
    folder = shared_tmp / "messy"
    dataset, files = write_dataset(folder / "dataset"), write_files(folder / "files")
    home = publish(folder / "home", str(dataset), files).home
    return opened(move(emulator, home, tmp_path_factory.mktemp("snowflake") / "messy"))


@pytest.fixture(scope="session")
def bank_builds(small_bank_on_snowflake: Workspace) -> TwoBuilds:
    """The small synthetic bank on both engines."""
    return opened(small_bank_on_snowflake)


def tables_of(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Return the tables of silver and gold."""
    rows = connection.execute(
        "select schema_name || '.' || table_name from duckdb_tables() "
        "where schema_name in ('silver', 'gold') order by 1"
    ).fetchall()
    return [name for (name,) in rows]
