"""What a question alone does not show: the types of all answers, and every name of the model, are the same on both.

Snowflake is the emulator here, which runs on DuckDB too; a fault that both share does not show.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import pyarrow as pa
import pytest

from customer360.semantic import Kind, SemanticModel, build_query, run_query
from customer360.warehouse.duckdb import DuckDBWarehouse
from customer360.warehouse.snowflake import SnowflakeWarehouse
from tests.semantic.conftest import rows_of
from tests.semantic.test_compiler import LATEST, TWO_GRAINS

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("snowflake")]

NOWHERE = {"field": "country", "op": "=", "value": "Atlantis"}
QUESTIONS: dict[str, dict[str, Any]] = {
    "rows": LATEST,
    "two grains": TWO_GRAINS,
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
        answers.append((types, rows_of(found.table), found.rows_available))
    return answers


def widened(kind: pa.DataType) -> pa.DataType:
    """Return a type as Snowflake has it: whole numbers know no width, and those of 20 digits are decimals."""
    if pa.types.is_uint64(kind):
        return pa.decimal128(20, 0)
    return pa.int64() if pa.types.is_integer(kind) else kind


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
