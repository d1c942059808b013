"""Our own models, exported and imported again, give the same numbers: every metric, alone and by every dimension."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from customer360.errors import InvalidQuery
from customer360.semantic import Item, SemanticModel, build_query, load_model, run_query
from customer360.semantic.exporting import Format, export
from customer360.semantic.importing import Import, import_model
from customer360.semantic.model import GROUP_KINDS, METRIC_KINDS, ROW_KINDS
from customer360.settings import SEMANTIC_MODELS, semantic_model_file
from customer360.warehouse.duckdb import DuckDBWarehouse
from customer360.workspace import Workspace
from tests.semantic.answers import same

pytestmark = pytest.mark.integration

Rows = list[tuple[Any, ...]]
FORMATS = (Format.SNOWFLAKE, Format.OSSIE)
CHANGED = {
    (SEMANTIC_MODELS[0], Format.SNOWFLAKE): {"sql": 1},
    (SEMANTIC_MODELS[0], Format.OSSIE): {"expr": 4, "sql": 3},
    (SEMANTIC_MODELS[1], Format.SNOWFLAKE): {"expr": 2, "data_type": 2},
    (SEMANTIC_MODELS[1], Format.OSSIE): {},
}
"""How many things of which kind arrive otherwise; nothing is left out."""


def imported(name: str, target: Format, folder: Path) -> Import:
    """Return one of our models as it comes back from a format."""
    path = folder / f"{name}.{target.value}.yaml"
    path.write_text(export(load_model(semantic_model_file(name)), target).text, encoding="utf-8")
    return import_model(path)


@pytest.fixture(scope="module")
def operations_warehouse(messy: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckDBWarehouse]:
    """A published build, whose tables of operations have rows."""
    [path] = messy.builds.glob("*/warehouse.duckdb")
    copy = Path(shutil.copy(path, tmp_path_factory.mktemp("operations")))
    opened = DuckDBWarehouse(copy, threads=2, memory="512MB")
    yield opened
    opened.close()


@pytest.mark.parametrize("target", FORMATS)
@pytest.mark.parametrize("name", SEMANTIC_MODELS)
def test_nothing_is_left_out_and_little_is_otherwise(name: str, target: Format, tmp_path: Path) -> None:
    own, found = load_model(semantic_model_file(name)), imported(name, target, tmp_path)
    kept = {item.name for item in found.model.items}
    assert {item.name for item in own.items} <= kept
    assert len(found.model.definition.verified_queries) == len(own.definition.verified_queries)
    assert len(found.model.definition.relationships) == len(own.definition.relationships)
    times: dict[str, int] = {}
    for loss in found.losses:
        times[loss.feature] = times.get(loss.feature, 0) + 1
    assert times == CHANGED[name, target]


@pytest.mark.parametrize("target", FORMATS)
def test_every_metric_of_customers_gives_the_same(target: Format, tmp_path: Path, warehouse: DuckDBWarehouse) -> None:
    _assert_same_numbers(SEMANTIC_MODELS[0], target, tmp_path, warehouse)


@pytest.mark.parametrize("target", FORMATS)
def test_every_metric_of_operations_gives_the_same(
    target: Format, tmp_path: Path, operations_warehouse: DuckDBWarehouse
) -> None:
    _assert_same_numbers(SEMANTIC_MODELS[1], target, tmp_path, operations_warehouse)


def _assert_same_numbers(name: str, target: Format, folder: Path, warehouse: DuckDBWarehouse) -> None:
    own, back = load_model(semantic_model_file(name)), imported(name, target, folder).model
    known = {(schema.lower(), table.lower()) for schema, table, _ in warehouse.columns()}
    there = {table.name for table in own.tables.values() if (table.schema, table.physical) in known}
    asked = 0
    for metric, by in _queries(own, there):
        expected = _rows(own, metric.full_name, by, warehouse)
        if expected is not None:
            asked += 1
            found = _rows(back, _full_name(back, metric), by, warehouse)
            assert _is_same(found, expected, or_nothing=metric.counts), (metric.full_name, by, found, expected)
    assert asked > 90


def _queries(model: SemanticModel, there: set[str]) -> Iterator[tuple[Item, list[str]]]:
    """Yield each metric of tables that are there, alone and with each third dimension, from another one on."""
    groups = [item for item in model.list_items(GROUP_KINDS) if item.table in there]
    metrics = [one for one in model.list_items(METRIC_KINDS) if model.operands(one)]
    for number, metric in enumerate(metrics):
        if {item.table for item in model.operands(metric).values()} <= there:
            yield metric, []
            yield from ((metric, [group.full_name]) for group in groups[number % 3 :: 3])


def _is_same(found: Rows | None, expected: Rows, *, or_nothing: bool) -> bool:
    """Compare rows; sums that count lose their unit in some formats, and are nothing there where ours are zero."""
    if found is None or len(found) != len(expected):
        return False
    pairs = [pair for row, other in zip(found, expected, strict=True) for pair in zip(row, other, strict=True)]
    return all(same(one, other) or (or_nothing and one is None and other == 0) for one, other in pairs)


def _full_name(model: SemanticModel, metric: Item) -> str:
    """Return what a metric is called there: a formula of the model may have become one of its only table."""
    named = [item.full_name for item in model.list_items(METRIC_KINDS) if item.name == metric.name]
    return metric.full_name if metric.full_name in named else named[0]


def _rows(model: SemanticModel, metric: str, by: list[str], warehouse: DuckDBWarehouse) -> Rows | None:
    """Return the rows of an answer in an order of their own, or nothing where the model refuses the query."""
    query = build_query(metrics=[metric], dimensions=by, limit=500, order=by)
    try:
        answer = run_query(warehouse, model, query, build_id="b", as_of_date=date(2024, 6, 30), timeout=30)
    except InvalidQuery:
        return None
    return [tuple(row.values()) for row in answer.table.to_pylist()]


def test_fields_have_the_same_values(tmp_path: Path, warehouse: DuckDBWarehouse) -> None:
    own, back = load_model(semantic_model_file(SEMANTIC_MODELS[0])), imported(SEMANTIC_MODELS[0], FORMATS[1], tmp_path)
    for item in own.list_items(ROW_KINDS, table="fct_transactions"):
        found = [
            run_query(
                warehouse,
                model,
                build_query(fields=[item.full_name], limit=50),
                build_id="b",
                as_of_date=date(2024, 6, 30),
                timeout=30,
            ).table.to_pylist()
            for model in (own, back.model)
        ]
        assert found[0] == found[1], item.full_name
