"""A small gold schema on both engines, and a way to hold a semantic query against hand-written SQL.

What is expected always comes from DuckDB; what is asked is the engine under test.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from customer360.semantic import SemanticModel, SemanticResult, build_query, load_model, run_query
from customer360.warehouse import Warehouse
from customer360.warehouse.duckdb import DuckDBWarehouse
from customer360.warehouse.snowflake import SnowflakeWarehouse
from tests.conftest import account_on
from tests.servers.snowflake_emulator import Emulator
from tests.servers.snowflake_tables import copy_table

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


@pytest.fixture(scope="session")
def snowflake(emulator: Emulator, warehouse: DuckDBWarehouse) -> Iterator[SnowflakeWarehouse]:
    """The same gold schema, row for row, in the emulator."""
    opened = SnowflakeWarehouse(account_on(emulator), pool_size=2, timeout=30)
    opened.query("CREATE SCHEMA gold")
    for schema, name in warehouse.tables():
        copy_table(opened, f"{schema}.{name}", warehouse.query(f"SELECT * FROM {schema}.{name}"))
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def asked(engine: str, warehouse: DuckDBWarehouse, request: pytest.FixtureRequest) -> Warehouse:
    """The small gold schema on the engine under test."""
    found: Warehouse = warehouse if engine == "duckdb" else request.getfixturevalue("snowflake")
    return found


@pytest.fixture
def ask(asked: Warehouse, model: SemanticModel) -> Ask:
    def run(**parts: Any) -> SemanticResult:
        query = build_query(parts)
        return run_query(asked, model, query, build_id="b_test", as_of_date=date(2024, 6, 30), timeout=30)

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
    """Return an Arrow table as tuples of comparable values."""
    columns = [[comparable(value) for value in one.to_pylist()] for one in table.columns]
    return list(zip(*columns, strict=True))


def comparable(value: Any) -> Any:
    """Return a value so that only the like are equal: whole numbers are exact decimals, a double has nine places.

    What is no such number goes with its type, because Python finds true equal to 1 and 0.5 to Decimal("0.5").
    """
    if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
        return Decimal(value)
    return type(value).__name__, round(value, 9) if isinstance(value, float) else value
