"""Engines over databases, and readings that can be compared."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from customer360.ask.engine import Engine
from customer360.ask.restrict import restrict_model
from customer360.ask.values import read_days, read_values
from customer360.semantic import SemanticQuery, load_model
from customer360.warehouse import DuckDBWarehouse
from tests.conftest import ROOT

MODEL = ROOT / "semantic" / "customer_analytics.yaml"


def warehouse_on(database: Path) -> DuckDBWarehouse:
    return DuckDBWarehouse(database, threads=2, memory="2GB")


def engine_on(database: Path) -> Engine:
    """Return an engine over the tables that a database has."""
    model, _ = restrict_model(load_model(MODEL).definition, _catalogue(database))
    warehouse = warehouse_on(database)
    oldest, newest = read_days(warehouse, model)
    assert newest
    return Engine(model, read_values(warehouse, model), newest, oldest)


def _catalogue(database: Path) -> dict[str, frozenset[str]]:
    columns: dict[str, set[str]] = defaultdict(set)
    with duckdb.connect(str(database), read_only=True) as connection:
        listed = "select table_schema, table_name, column_name from information_schema.columns"
        for schema, table, column in connection.execute(listed).fetchall():
            columns[f"{schema}.{table}".lower()].add(column.lower())
    return {name: frozenset(found) for name, found in columns.items()}


def same_as(query: SemanticQuery) -> str:
    """Return a text that is the same for queries that mean the same: the order of conditions and of values is not kept."""
    return json.dumps(_settled(query.model_dump(exclude_defaults=True)), sort_keys=True, default=str)


def _settled(value: Any, key: str = "") -> Any:
    if isinstance(value, dict):
        is_list = value.get("op") in ("in", "not_in")
        return {name: _settled(one, name if name != "values" or is_list else "") for name, one in value.items()}
    if isinstance(value, list | tuple):
        settled = [_settled(one) for one in value]
        return sorted(settled, key=lambda one: json.dumps(one, default=str)) if key in _UNORDERED else settled
    if isinstance(value, Decimal | int | float) and not isinstance(value, bool):
        return float(value)
    return value


_UNORDERED = ("and", "or", "values")


def none_of(faults: Sequence[str]) -> None:
    """Fail with all of the faults, however many."""
    if faults:
        pytest.fail(f"{len(faults)}:\n" + "\n".join(faults), pytrace=False)


def reading_of(reader: Engine, question: str) -> str:
    """Return how a question is read, for comparisons; nothing where it is not answered."""
    read = reader.read(question)
    return same_as(read.query) if read.query else ""
