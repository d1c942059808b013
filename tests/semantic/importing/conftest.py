"""A small online shop that has nothing to do with our own tables, and the models that others made of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from customer360.semantic.importing import Import, import_model
from customer360.warehouse import DuckDBWarehouse

HERE = Path(__file__).parent
SHOP, MANIFEST = HERE / "shop.yaml", HERE / "semantic_manifest.json"
"""Written by hand for Cortex Analyst; written by dbt 1.11.16, as dbt parse does for a project with these models."""


@pytest.fixture(scope="session")
def shop_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shop as a DuckDB file."""
    path = tmp_path_factory.mktemp("shop") / "online.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute((HERE / "shop.sql").read_text(encoding="utf-8"))
    return path


@pytest.fixture(scope="session")
def shop_warehouse(shop_database: Path) -> Iterator[DuckDBWarehouse]:
    opened = DuckDBWarehouse(shop_database, threads=2, memory="512MB")
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def shop(shop_warehouse: DuckDBWarehouse) -> Import:
    """The shop's model of Cortex Analyst, held against its database."""
    return import_model(SHOP, warehouse=shop_warehouse)


@pytest.fixture(scope="session")
def dbt_shop(shop_warehouse: DuckDBWarehouse) -> Import:
    """The shop's semantic models of dbt, held against its database."""
    return import_model(MANIFEST, warehouse=shop_warehouse)
