"""The statement of a reading as one text without bound values, for a caller who runs it somewhere else.

Invariant: values become literals of the syntax tree and nothing else; the engine's dialect writes and escapes them.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from customer360.errors import InvalidQuery
from customer360.semantic import SemanticModel, SemanticQuery, compile_query

Value = str | bool | int | float | Decimal | date | datetime

_CHANGES = (exp.DML, exp.DDL, exp.Drop, exp.Alter, exp.Command, exp.Into)


def write_statement(model: SemanticModel, query: SemanticQuery, dialect: str, *, schema_suffix: str = "") -> str:
    """Return the one SELECT that answers a query, with its values in it.

    Raises:
        InvalidQuery: the query does not fit the model.
    """
    compiled = compile_query(model, query, dialect, schema_suffix=schema_suffix)
    statement = compiled.plan.statement
    select = statement.select.copy()
    if statement.order:
        select = select.order_by(*(one.copy() for one in statement.order), copy=False)
    if query.offset:
        select = select.offset(query.offset, copy=False)
    select = select.limit(query.limit, copy=False)
    for mark in list(select.find_all(exp.Placeholder)):
        mark.replace(literal(compiled.parameters[int(mark.this) - 1]))
    return select.sql(dialect, copy=False)


def literal(value: Value) -> exp.Expr:
    """Return a value as the syntax tree holds it, of the type with which it would be bound."""
    if isinstance(value, bool):
        return exp.Boolean(this=value)
    if isinstance(value, str):
        return exp.Literal.string(value)
    if isinstance(value, datetime):
        return exp.cast(exp.Literal.string(value.isoformat(sep=" ")), "TIMESTAMP")
    if isinstance(value, date):
        return exp.cast(exp.Literal.string(value.isoformat()), "DATE")
    return _number(value)


def _number(value: int | float | Decimal) -> exp.Expr:
    size = exp.Literal.number(format(abs(value), "f") if isinstance(value, Decimal) else repr(abs(value)))
    typed = exp.cast(size, "DOUBLE") if isinstance(value, float) else size
    return exp.Neg(this=typed) if value < 0 else typed


def read_select(text: str, dialect: str) -> exp.Query:
    """Return the syntax tree of a text that is one query and nothing else.

    Raises:
        InvalidQuery: it is something else, or cannot be read.
    """
    try:
        parsed = sqlglot.parse(text, dialect=dialect)
    except SqlglotError as error:
        raise InvalidQuery("The statement cannot be read as SQL.", code="not_a_select") from error
    if len(parsed) != 1 or not isinstance(parsed[0], exp.Query) or parsed[0].find(*_CHANGES):
        raise InvalidQuery("Only one SELECT is taken as a statement.", code="not_a_select")
    return parsed[0]


def write_physical(model: SemanticModel, sql: str, dialect: str, *, schema_suffix: str = "") -> str:
    """Return one SELECT over the logical tables of a model as a statement over those of the build.

    Raises:
        InvalidQuery: it is something else than one SELECT, or cannot be read.
    """
    return with_physical_tables(read_select(sql, dialect), model, schema_suffix=schema_suffix).sql(dialect)


def with_physical_tables(query: exp.Query, model: SemanticModel, *, schema_suffix: str = "") -> exp.Query:
    """Return a query over the logical tables of a model, as verified queries are written, over those of the build."""

    def place(node: exp.Expr) -> exp.Expr:
        if not isinstance(node, exp.Table) or node.name in within:
            return node
        table = model.tables.get(node.name.lower().removeprefix("__"))
        if table is None or (node.db and node.db.lower() != table.schema):
            return node
        alias = node.alias or node.name
        return exp.table_(table.physical, db=f"{table.schema}{schema_suffix}", alias=alias)

    within = {one.alias for one in query.find_all(exp.CTE)}
    placed = query.transform(place)
    assert isinstance(placed, exp.Query)  # noqa: S101  (the root is no table)
    return placed
