"""Expressions of the model as other engines read them.

Invariant: what is written means what our compiler makes of it. A formula divides by nothing rather than by zero, and
names the metrics it is made of in full.
"""

from __future__ import annotations

import sqlglot
from sqlglot import exp, generator
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import ErrorLevel, SqlglotError, UnsupportedError

from customer360.errors import InvalidDefinition
from customer360.semantic.model import Item, Kind, SemanticModel, dotted

UNREADABLE = "It is no SQL that can be read, so it cannot be written for Snowflake."
SHADOWED = "It reads a column that has the name of another item of the table; Snowflake may read that one instead."

_WORDS = """
ACCOUNT ALL ALTER AND ANY AS BETWEEN BY CASE CAST CHECK COLUMN CONNECT CONNECTION CONSTRAINT CREATE CROSS CURRENT
CURRENT_DATE CURRENT_TIME CURRENT_TIMESTAMP CURRENT_USER DATABASE DELETE DISTINCT DROP ELSE EXISTS FALSE FOLLOWING FOR
FROM FULL GRANT GROUP GSCLUSTER HAVING ILIKE IN INCREMENT INNER INSERT INTERSECT INTO IS ISSUE JOIN LATERAL LEFT LIKE
LOCALTIME LOCALTIMESTAMP MINUS NATURAL NOT NULL OF ON OR ORDER ORGANIZATION QUALIFY REGEXP REVOKE RIGHT RLIKE ROW ROWS
SAMPLE SCHEMA SELECT SET SOME START TABLE TABLESAMPLE THEN TO TRIGGER TRUE TRY_CAST UNION UNIQUE UPDATE USING VALUES
VIEW WHEN WHENEVER WHERE WITH
"""
RESERVED = frozenset(_WORDS.split())
"""https://docs.snowflake.com/en/sql-reference/reserved-keywords"""


class AnsiSql(Dialect):
    """sqlglot's own dialect, which is nobody's, with the standard's names of types."""

    class Generator(generator.Generator):
        TYPE_MAPPING = generator.Generator.TYPE_MAPPING | {
            exp.DType.TEXT: "VARCHAR",
            exp.DType.DOUBLE: "DOUBLE PRECISION",
        }


SNOWFLAKE = "snowflake"
ANSI = AnsiSql.__name__.lower()


def write(expression: exp.Expr, dialect: str, *, of: str) -> str:
    """Return an expression in a dialect.

    Raises:
        InvalidDefinition: the dialect cannot say it; the message names ``of`` whom it is.
    """
    try:
        return expression.sql(dialect, unsupported_level=ErrorLevel.RAISE)
    except UnsupportedError as error:
        raise InvalidDefinition(
            f"The expression of {of} cannot be written for {dialect}: {error}.",
            next_action="Write it in the part of SQL that DuckDB and Snowflake share.",
        ) from error


def snowflake_text(item: Item, text: str, model: SemanticModel) -> str:
    """Return the expression of an item for Snowflake: as it was written, where Snowflake reads it the same way."""
    expression = formula(item, model) if item.kind is Kind.DERIVED else item.expression
    return _kept(text, write(expression, SNOWFLAKE, of=item.full_name))


def find_snowflake_text(text: str) -> str | None:
    """Return a condition or query that no item has for Snowflake, or ``None`` where it does not parse."""
    try:
        written = sqlglot.parse_one(text, read="duckdb").sql(SNOWFLAKE, unsupported_level=ErrorLevel.RAISE)
    except SqlglotError:
        return None
    return _kept(text, written)


def formula(item: Item, model: SemanticModel, *, of_doubles: bool = False) -> exp.Expr:
    """Return a formula of the model with its metrics named in full; where it would divide by zero it gives null.

    ``of_doubles`` is for engines that divide whole numbers by whole numbers.
    """
    named: exp.Expr = exp.Paren(this=item.expression.copy())
    for column in list(named.find_all(exp.Column)):
        operand = model.operands(item)[dotted(column)]
        column.replace(exp.column(operand.name, table=operand.table))
    for division in list(named.find_all(exp.Div)):
        if not isinstance(division.expression, exp.Nullif):
            zero = exp.Literal.number(0)
            division.set("expression", exp.Nullif(this=division.expression.copy(), expression=zero))
        if of_doubles:
            division.set("this", exp.cast(division.this.copy(), "DOUBLE"))
    unwrapped: exp.Expr = named.this
    return unwrapped


def is_shadowed(item: Item, model: SemanticModel) -> bool:
    """Tell whether an item of a table reads a column by a name that another item of it has for something else."""
    others = {one.name.upper(): one for one in model.list_items(set(Kind), table=item.table) if one.name != item.name}
    read = {column.name.upper() for column in item.expression.find_all(exp.Column)} if item.table else set()
    return any(name in others and not _is_column(others[name], name) for name in read)


def _is_column(item: Item, name: str) -> bool:
    return isinstance(item.expression, exp.Column) and item.expression.name.upper() == name


def refuse_reserved(model: SemanticModel) -> None:
    """Refuse a name that Snowflake reserves; quoted it would be another name.

    Raises:
        InvalidDefinition: names the first.
    """
    names = [model.name, *model.tables, *(item.name for item in model.items)]
    names += [one.name for one in model.definition.relationships]
    for name in names:
        if name.upper() in RESERVED:
            raise InvalidDefinition(
                f"{name!r} is a reserved word of Snowflake and cannot be a name there.", next_action="Rename it."
            )


def _kept(text: str, written: str) -> str:
    try:
        return text if sqlglot.parse_one(text, read=SNOWFLAKE).sql(SNOWFLAKE) == written else written
    except SqlglotError:
        return written
