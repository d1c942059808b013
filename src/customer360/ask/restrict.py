"""A model cut down to what a database holds, with what had to go named."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlglot import exp, parse_one

from customer360.semantic import ModelDefinition, SemanticModel
from customer360.semantic.definition import ItemDefinition, TableDefinition

Catalogue = Mapping[str, frozenset[str]]
"""The columns of every table, by its name as ``schema.table`` in lower case."""


def restrict_model(definition: ModelDefinition, catalogue: Catalogue) -> tuple[SemanticModel, tuple[str, ...]]:
    """Return the model without tables and fields that a database lacks, and the names of those."""
    gone: list[str] = []
    tables = []
    for table in definition.tables:
        columns = catalogue.get(f"{table.base_table.schema_}.{table.base_table.table}".lower())
        if columns is None or not set(table.primary_key.columns) <= columns:
            gone.append(table.name)
        else:
            tables.append(_restricted(_with_rollups_of(table, catalogue), columns, gone))
    names = {table.name for table in tables}
    dates = {f"{table.name}.{one.name}" for table in tables for one in table.time_dimensions}
    left = {f"{table.name}.{one.name}" for table in tables for one in table.metrics}
    parts: dict[str, Any] = {
        "tables": tuple(_pointing(table, names, left, dates) for table in tables),
        "relationships": tuple(one for one in definition.relationships if {one.left_table, one.right_table} <= names),
        "metrics": tuple(one for one in definition.metrics if _columns(one, qualified=True) <= left),
    }
    gone += [one.name for one in definition.metrics if one not in parts["metrics"]]
    return SemanticModel(definition.model_copy(update=parts)), tuple(gone)


def _with_rollups_of(table: TableDefinition, catalogue: Catalogue) -> TableDefinition:
    """Return a table with the roll-ups that a database has; without them it answers the same, only later."""
    schema, extension = table.base_table.schema_, table.x_nl
    kept = [
        one for one in extension.rollups if one.columns <= catalogue.get(f"{schema}.{one.table}".lower(), frozenset())
    ]
    return table.model_copy(update={"x_nl": extension.model_copy(update={"rollups": tuple(kept)})})


def _restricted(table: TableDefinition, columns: frozenset[str], gone: list[str]) -> TableDefinition:
    parts: dict[str, Any] = {}
    for group in ("dimensions", "time_dimensions", "facts", "metrics"):
        fitting = [_fitting(one, columns) for one in getattr(table, group)]
        kept = [one for one in fitting if _columns(one) <= columns]
        gone += [f"{table.name}.{one.name}" for one in fitting if one not in kept]
        parts[group] = tuple(kept)
    return table.model_copy(update=parts)


def _fitting(item: ItemDefinition, columns: frozenset[str]) -> ItemDefinition:
    """Return an item with its other expression where the table lacks columns of the first."""
    if not item.x_nl.instead or _columns(item) <= columns:
        return item
    return item.model_copy(update={"expr": item.x_nl.instead})


def _pointing(table: TableDefinition, names: set[str], metrics: set[str], dates: set[str]) -> TableDefinition:
    """Return a table whose extension names nothing that is gone."""
    extension = table.x_nl
    fields = {one.name for group in (table.dimensions, table.time_dimensions, table.facts) for one in group}
    update: dict[str, Any] = {
        "row_fields": tuple(name for name in extension.row_fields if name in fields),
        "activity": extension.activity if extension.activity in names else None,
        "size_field": extension.size_field if extension.size_field in fields else None,
        "default_time_dimension": extension.default_time_dimension
        if extension.default_time_dimension in fields | dates
        else None,
        "default_metric": extension.default_metric if f"{table.name}.{extension.default_metric}" in metrics else None,
    }
    return table.model_copy(update={"x_nl": extension.model_copy(update=update)})


def _columns(item: ItemDefinition, *, qualified: bool = False) -> frozenset[str]:
    found = parse_one(item.expr, dialect="duckdb").find_all(exp.Column)
    return frozenset(f"{one.table}.{one.name}" if qualified else one.name.lower() for one in found)
