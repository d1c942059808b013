"""Verified queries: questions that a model keeps with the SQL that answers them.

Their SQL names logical tables and columns. Invariant: what runs reads nothing else, because every table is replaced by
a select of the model's own expressions, and a name that the model lacks is refused.
"""

from __future__ import annotations

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.scope import Scope, traverse_scope

from customer360.errors import InvalidDefinition, did_you_mean
from customer360.semantic.model import ROW_KINDS, SemanticModel
from customer360.semantic.source import Scope as Schema
from customer360.semantic.source import Source


def verified_statement(model: SemanticModel, sql: str, dialect: str, *, schema_suffix: str = "") -> str:
    """Return the SQL of a verified query as a statement over the tables of a build.

    Raises:
        InvalidDefinition: it is no select, or it names what the model does not have.
    """
    query = _parsed(sql)
    for scope in traverse_scope(query):
        _replace_tables(scope, model, schema_suffix)
    return query.sql(dialect)


def _parsed(sql: str) -> exp.Query:
    try:
        query = sqlglot.parse_one(sql, read="duckdb")
    except SqlglotError as error:
        raise InvalidDefinition(f"A verified query does not parse: {error}", next_action="Correct its SQL.") from error
    if not isinstance(query, exp.Query):
        raise InvalidDefinition("A verified query must be a select.", next_action="Correct its SQL.")
    return query


def _replace_tables(scope: Scope, model: SemanticModel, schema_suffix: str) -> None:
    _qualify(scope)
    for name, source in list(scope.sources.items()):
        if isinstance(source, exp.Table):
            columns = {column.name for column in scope.columns if column.table == name}
            source.replace(_select(model, source, columns, schema_suffix).subquery(name))


def _qualify(scope: Scope) -> None:
    """Write before each column whose it is, so that a query around this one does not take it for its own."""
    for column in scope.columns:
        if not column.table and len(scope.sources) > 1:
            raise InvalidDefinition(
                f"A verified query does not say whose {column.name!r} it means.",
                next_action="Write it as table.column.",
            )
        if not column.table:
            column.set("table", exp.to_identifier(next(iter(scope.sources))))


def _select(model: SemanticModel, table: exp.Table, columns: set[str], schema_suffix: str) -> exp.Select:
    """Return a select of the logical columns, and of the keys of relationships, that a query names of a table."""
    if table.name not in model.tables or table.db:
        raise InvalidDefinition(
            f"A verified query reads {table.sql()!r}, which is no table of the model.",
            next_action=did_you_mean(table.name, model.tables),
        )
    source = Source(Schema(model, schema_suffix), table.name)
    known: dict[str, exp.Expr] = {key: source.column((), key) for key in _keys(model, table.name)}
    known |= {item.name: source.value(item) for item in model.list_items(ROW_KINDS, table=table.name)}
    for name in sorted(columns - known.keys()):
        raise InvalidDefinition(
            f"A verified query names {name!r}, which {table.name} does not have.",
            next_action=did_you_mean(name, known),
        )
    named = [exp.alias_(known[name], name) for name in sorted(columns)]
    return source.select(*named or [exp.alias_(exp.Literal.number(1), "one")])


def _keys(model: SemanticModel, table: str) -> set[str]:
    """Return the columns that relationships join a table by."""
    sides = [
        (edge.left_table, pair.left_column, edge.right_table, pair.right_column)
        for edge in model.definition.relationships
        for pair in edge.relationship_columns
    ]
    return {left for one, left, _, _ in sides if one == table} | {right for _, _, one, right in sides if one == table}
