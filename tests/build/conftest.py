"""A published build of the messy little company, shared by the tests of a worker."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from customer360.warehouse import open_builds
from customer360.workspace import Workspace
from tests.build.messy import write_dataset, write_files
from tests.conftest import publish


@pytest.fixture(scope="session")
def messy(shared_tmp: Path) -> Workspace:
    """The workspace of the messy company, published once."""
    folder = shared_tmp / "messy"
    dataset, files = write_dataset(folder / "dataset"), write_files(folder / "files")
    return publish(folder / "home", str(dataset), files)


@pytest.fixture
def warehouse(messy: Workspace) -> Iterator[duckdb.DuckDBPyConnection]:
    """The published DuckDB file, read-only."""
    builds = open_builds(messy)
    with duckdb.connect(str(builds.folder(builds.current_id()) / "warehouse.duckdb"), read_only=True) as connection:
        yield connection
