"""A small gold schema on DuckDB, and a way to hold a semantic query against hand-written SQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from customer360.semantic import SemanticModel, SemanticResult, build_query, load_model, run_query
from customer360.warehouse.duckdb import DuckDBWarehouse

ROOT = Path(__file__).parents[2]
MODEL_FILE = ROOT / "semantic" / "customer_analytics.yaml"

Ask = Callable[..., SemanticResult]
Check = Callable[..., None]


@pytest.fixture(scope="session")
def model() -> SemanticModel:
    return load_model(MODEL_FILE)


@pytest.fixture(scope="session")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckDBWarehouse]:
    path = tmp_path_factory.mktemp("gold") / "warehouse.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute((Path(__file__).parent / "gold.sql").read_text(encoding="utf-8"))
    opened = DuckDBWarehouse(path, threads=2, memory="512MB")
    yield opened
    opened.close()


@pytest.fixture
def ask(warehouse: DuckDBWarehouse, model: SemanticModel) -> Ask:
    def run(**parts: Any) -> SemanticResult:
        query = build_query(parts)
        return run_query(warehouse, model, query, build_id="b_test", as_of_date=date(2024, 6, 30), timeout=30)

    return run


@pytest.fixture
def check(ask: Ask, warehouse: DuckDBWarehouse) -> Check:
    """Ask a query and require the rows, in order, of a hand-written statement."""

    def compare(sql: str, **parts: Any) -> None:
        expected = warehouse.query(sql)
        found = ask(**parts).table
        assert rows_of(found) == rows_of(expected)

    return compare


def rows_of(table: Any) -> list[tuple[Any, ...]]:
    """Return an Arrow table as tuples, doubles rounded where engines may differ."""
    columns = [
        [round(value, 9) if isinstance(value, float) else value for value in one.to_pylist()] for one in table.columns
    ]
    return list(zip(*columns, strict=True))
