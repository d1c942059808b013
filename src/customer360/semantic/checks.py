"""Statements that hold a model against a build: whether its columns exist, and whether its keys are keys."""

from __future__ import annotations

from collections.abc import Collection

from sqlglot import exp

from customer360.semantic.definition import RollUp
from customer360.semantic.model import ROW_KINDS, Item, Kind, SemanticModel
from customer360.semantic.source import Scope, Source


def expression_checks(model: SemanticModel, dialect: str, *, schema_suffix: str = "") -> list[str]:
    """Return statements that name every expression, key, relationship and roll-up, for the engine to explain."""
    selects: list[exp.Select] = []
    for table in model.tables:
        rows, metrics = model.list_items(ROW_KINDS, table=table), model.list_items({Kind.METRIC}, table=table)
        selects.append(_rows_check(model, table, rows, schema_suffix))
        if metrics:
            selects.append(_metrics_check(model, table, metrics, schema_suffix))
        selects += [_rollup_check(model, table, rollup, schema_suffix) for rollup in model.tables[table].rollups]
    return [select.sql(dialect) for select in selects]


def key_checks(
    model: SemanticModel, dialect: str, *, schema_suffix: str = "", proven: Collection[tuple[str, str]] = ()
) -> list[str]:
    """Return statements that give a row for each primary key that is not one: repeated, or empty in part.

    What is safe from fan-out rests on these keys, so a build that gives any row must not be published. ``proven`` are
    keys, as table and column, that were shown to be ones already.
    """
    keys = {name: [(table.physical, column) for column in table.primary_key] for name, table in model.tables.items()}
    open_tables = [name for name, columns in keys.items() if len(columns) != 1 or columns[0] not in proven]
    return [_key_check(model, table, schema_suffix).sql(dialect) for table in open_tables]


def _rows_check(model: SemanticModel, table: str, items: list[Item], schema_suffix: str) -> exp.Select:
    source = Source(Scope(model, schema_suffix), table)
    keys = [source.column((), name) for name in model.tables[table].primary_key]
    values = [exp.alias_(source.value(item), item.name, quoted=True) for item in items]
    for other in model.tables:
        if other != table and model.relations.reaches(table, other):
            path = model.relations.path(table, other)
            keys += [source.column(path, right) for _, right in path[-1].columns]
    return source.select(*keys, *values)


def _metrics_check(model: SemanticModel, table: str, metrics: list[Item], schema_suffix: str) -> exp.Select:
    source = Source(Scope(model, schema_suffix), table)
    return source.select(*(exp.alias_(source.aggregate(metric), metric.name, quoted=True) for metric in metrics))


def _rollup_check(model: SemanticModel, table: str, rollup: RollUp, schema_suffix: str) -> exp.Select:
    source = Source(Scope(model, schema_suffix), table)
    columns = [source.column((), name) for name in sorted(rollup.columns)]
    return exp.select(*columns).from_(source.base_table(rollup.table))


def _key_check(model: SemanticModel, table: str, schema_suffix: str) -> exp.Select:
    source = Source(Scope(model, schema_suffix), table)
    keys = [source.column((), name) for name in model.tables[table].primary_key]
    rows = exp.Count(this=exp.Star())
    broken = [exp.GT(this=rows, expression=exp.Literal.number(1))]
    empty = [exp.Is(this=key.copy(), expression=exp.Null()) for key in keys]
    return source.select(*keys).group_by(*(key.copy() for key in keys)).having(exp.or_(*broken, *empty))
