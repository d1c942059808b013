"""Databases that questions are asked of, and a way to hold what the engine answers against verified SQL."""

from __future__ import annotations

import importlib.util
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from customer360.ask.engine import Engine
from customer360.ask.restrict import restrict_model
from customer360.ask.values import read_days, read_values
from customer360.semantic import MAX_LIMIT, ModelDefinition, SemanticModel, compile_query
from customer360.semantic.definition import VerifiedQuery
from customer360.semantic.query import DEFAULT_LIMIT
from customer360.semantic.verified import verified_statement
from customer360.warehouse.duckdb import DuckDBWarehouse


@dataclass(frozen=True)
class Place:
    """A database that questions are asked of."""

    warehouse: DuckDBWarehouse
    model: SemanticModel
    engine: Engine


def open_place(path: Path, definition: ModelDefinition) -> Place:
    """Open a database with the part of a model that it has the tables of; not one that a service here may have open."""
    warehouse = DuckDBWarehouse(path, threads=2, memory="1GB")
    columns: dict[str, set[str]] = defaultdict(set)
    for schema, table, column in warehouse.columns():
        columns[f"{schema}.{table}".lower()].add(column.lower())
    model, _ = restrict_model(definition, {name: frozenset(each) for name, each in columns.items()})
    oldest, newest = read_days(warehouse, model)
    assert newest
    return Place(warehouse, model, Engine(model, read_values(warehouse, model), newest, oldest))


def build_example(given: Path, path: Path) -> Path:
    """Build the database that gold answers of the example questions run on."""
    spec = importlib.util.spec_from_file_location("given_fixture", given / "fixture.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.build(str(path)).close()
    return path


def rows_of_sql(place: Place, query: VerifiedQuery) -> list[dict[str, Any]]:
    return list(place.warehouse.query(verified_statement(place.model, query.sql, "duckdb")).to_pylist())


def rows_of_engine(place: Place, query: VerifiedQuery) -> list[dict[str, Any]]:
    read = place.engine.read(query.question)
    assert read.status == "answer", read.message
    assert read.query
    asked = read.query.model_copy(update={"limit": MAX_LIMIT}) if read.query.limit == DEFAULT_LIMIT else read.query
    compiled = compile_query(place.model, asked, "duckdb")
    return list(place.warehouse.query(compiled.sql, compiled.parameters).to_pylist())


def assert_same(found: Sequence[dict[str, Any]], expected: Sequence[dict[str, Any]]) -> None:
    """Require the same rows in any order, each number as near as two ways to round it are."""
    assert len(found) == len(expected)
    for mine, theirs in zip(ordered(found), ordered(expected), strict=True):
        assert mine.keys() == theirs.keys()
        for name, value in theirs.items():
            assert same(mine[name], value), (name, mine, theirs)


def ordered(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    names = sorted({name for row in rows for name in row})
    numbers = [name for name in names if any(number(row[name]) for row in rows)]
    texts = [name for name in names if name not in numbers]

    def place(row: dict[str, Any]) -> tuple[list[str], list[float]]:
        missing = -math.inf
        return [str(day(row[name])) for name in texts], [missing if row[n] is None else float(row[n]) for n in numbers]

    return sorted(rows, key=place)


def same(one: Any, other: Any) -> bool:
    if number(one) and number(other):
        return math.isclose(float(one), float(other), rel_tol=1e-6, abs_tol=1e-4)
    return bool(day(one) == day(other))


def number(value: Any) -> bool:
    return isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)


def day(value: Any) -> Any:
    return value.date() if isinstance(value, datetime) else value
