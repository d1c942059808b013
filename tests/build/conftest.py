"""The published build of the messy little company, as a file."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from customer360.warehouse import open_builds
from customer360.workspace import Workspace


@pytest.fixture
def warehouse(messy: Workspace) -> Iterator[duckdb.DuckDBPyConnection]:
    """The published DuckDB file, read-only."""
    builds = open_builds(messy)
    with duckdb.connect(str(builds.folder(builds.current_id()) / "warehouse.duckdb"), read_only=True) as connection:
        yield connection
