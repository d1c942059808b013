"""The compiler's Snowflake SQL, run: the same questions of the same rows give the same answers on both engines.

Snowflake is the emulator here, which runs on DuckDB too; a fault that both share does not show.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pyarrow as pa
import pytest

from customer360.semantic import Kind, SemanticModel, build_query, run_query
from customer360.warehouse.duckdb import DuckDBWarehouse
from customer360.warehouse.snowflake import SnowflakeWarehouse
from tests.semantic.test_compiler import LATEST, TWO_GRAINS
from tests.servers.snowflake_emulator import Emulator
from tests.servers.snowflake_tables import copy_table
from tests.warehouse.conftest import settings_for

pytestmark = pytest.mark.integration

NOWHERE = {"field": "country", "op": "=", "value": "Atlantis"}


@pytest.fixture(scope="module")
def snowflake(warehouse: DuckDBWarehouse) -> Iterator[SnowflakeWarehouse]:
    """The gold schema of the tests, row for row, in the emulator."""
    emulator = Emulator()
    emulator.start()
    opened = SnowflakeWarehouse(settings_for(emulator.port, schema_name="GOLD"), pool_size=2, timeout=20)
    for schema, name in warehouse.tables():
        copy_table(opened, f"{schema}.{name}", warehouse.query(f"SELECT * FROM {schema}.{name}"))
    yield opened
    opened.close()
    emulator.kill()


QUESTIONS: dict[str, dict[str, Any]] = {
    "rows": LATEST,
    "two grains": TWO_GRAINS,
    "a part of a name": {
        "metrics": ["customer_count"],
        "filters": {"field": "country", "op": "contains", "value": "n"},
    },
    "more than the limit": {
        "metrics": ["transaction_count"],
        "dimensions": ["transaction_date:month"],
        "order": ["-transaction_date:month"],
        "limit": 2,
    },
    "nothing": {"metrics": ["total_spend"], "dimensions": ["country"], "filters": NOWHERE},
}


def both(
    parts: dict[str, Any], model: SemanticModel, warehouse: DuckDBWarehouse, snowflake: SnowflakeWarehouse
) -> list[Any]:
    """Return what each engine answers: types, rows and how many there would be."""
    query = build_query(parts)
    answers = []
    for engine in (warehouse, snowflake):
        found = run_query(engine, model, query, build_id="b_test", as_of_date=date(2024, 6, 30), timeout=20)
        types = [(field.name, widened(field.type)) for field in found.table.schema]
        answers.append((types, rounded(found.table), found.rows_available))
    return answers


def widened(kind: pa.DataType) -> pa.DataType:
    """Return a type as Snowflake has it: whole numbers know no width, and those of 20 digits are decimals."""
    if pa.types.is_uint64(kind):
        return pa.decimal128(20, 0)
    return pa.int64() if pa.types.is_integer(kind) else kind


def rounded(table: pa.Table) -> list[list[Any]]:
    """Return the rows with floats to 1e-9, as all comparisons of builds have them."""
    return [
        [round(value, 9) if isinstance(value, float) else value for value in row.values()] for row in table.to_pylist()
    ]


@pytest.mark.parametrize("question", QUESTIONS, ids=str)
def test_both_engines_answer_the_same(
    question: str, model: SemanticModel, warehouse: DuckDBWarehouse, snowflake: SnowflakeWarehouse
) -> None:
    on_duckdb, on_snowflake = both(QUESTIONS[question], model, warehouse, snowflake)
    assert on_snowflake == on_duckdb


def test_every_metric_is_the_same_on_both(
    model: SemanticModel, warehouse: DuckDBWarehouse, snowflake: SnowflakeWarehouse
) -> None:
    different = []
    for metric in model.list_items({Kind.METRIC, Kind.DERIVED}):
        on_duckdb, on_snowflake = both({"metrics": [metric.full_name]}, model, warehouse, snowflake)
        different += [] if on_snowflake == on_duckdb else [(metric.full_name, on_duckdb, on_snowflake)]
    assert different == []


def test_every_dimension_groups_the_same_on_both(
    model: SemanticModel, warehouse: DuckDBWarehouse, snowflake: SnowflakeWarehouse
) -> None:
    different = []
    counted = {"customer_360_profile": "customer_count", "fct_transactions": "transaction_count"}
    for dimension in model.list_items({Kind.DIMENSION, Kind.TIME}):
        for table, metric in counted.items():
            if model.relations.reaches(table, dimension.table):
                parts = {"metrics": [metric], "dimensions": [dimension.full_name], "order": [dimension.full_name]}
                on_duckdb, on_snowflake = both(parts, model, warehouse, snowflake)
                different += [] if on_snowflake == on_duckdb else [(dimension.full_name, on_duckdb, on_snowflake)]
    assert different == []
