"""From a query to the text of a statement and its bound values, for one engine.

The work is done once for each shape of query: what is kept is found by model, shape, engine and schema, and values
are only ever bound. Names come from the model alone; the only numbers written into the text are limit and
offset, which are checked.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import _CacheInfo, cached_property, lru_cache

from sqlglot import exp

from customer360.semantic.model import SemanticModel
from customer360.semantic.query import SemanticQuery
from customer360.semantic.result import Column
from customer360.semantic.shape import Shape, take_apart
from customer360.semantic.statements import Statement, build_statement
from customer360.semantic.values import Bound, convert

CACHED_SHAPES = 512


class Plan:
    """The texts of one shape for one engine, each written when it is first needed."""

    def __init__(self, statement: Statement, shape: Shape, dialect: str) -> None:
        self.statement = statement
        self._shape = shape
        self._dialect = dialect

    @cached_property
    def sql(self) -> str:
        """The statement as it is shown: it gives exactly the rows of the answer."""
        return self._text(self._limited(self._shape.limit))

    @cached_property
    def fetch_sql(self) -> str:
        """The statement as it is run: one row more, to see whether there is one."""
        return self._text(self._limited(self._shape.limit + 1))

    @cached_property
    def count_sql(self) -> str:
        """The number of rows there would be without limit and offset."""
        return self._text(self.statement.count)

    def _limited(self, limit: int) -> exp.Select:
        select = self.statement.select.copy()
        if self.statement.order:
            select = select.order_by(*(one.copy() for one in self.statement.order), copy=False)
        if self._shape.offset:
            select = select.offset(self._shape.offset, copy=False)
        return select.limit(limit, copy=False)

    def _text(self, select: exp.Select) -> str:
        return select.sql(self._dialect, copy=False)


@dataclass(frozen=True)
class Compiled:
    """A statement with its values; placeholders are numbered (``$1`` on DuckDB, ``:1`` on Snowflake) and may recur."""

    sql: str
    parameters: tuple[Bound, ...]
    columns: tuple[Column, ...]
    plan: Plan = field(repr=False, compare=False)


def compile_query(model: SemanticModel, query: SemanticQuery, dialect: str, *, schema_suffix: str = "") -> Compiled:
    """Return the statement of a query for ``duckdb`` or ``snowflake``.

    ``schema_suffix`` follows the schemas that the model names; builds on Snowflake have schemas of their own.

    Raises:
        InvalidQuery: it does not fit the model; the message says what would.
    """
    shape, values = take_apart(query)
    plan = _plan(model, shape, dialect, schema_suffix)
    typed = zip(values, plan.statement.placeholders, strict=True)
    parameters = tuple(convert(value, data_type, field=name) for value, (name, data_type) in typed)
    return Compiled(plan.sql, parameters, plan.statement.columns, plan)


def cache_info() -> _CacheInfo:
    """Return how often a kept statement served and how many are kept."""
    return _plan.cache_info()


@lru_cache(maxsize=CACHED_SHAPES)
def _plan(model: SemanticModel, shape: Shape, dialect: str, schema_suffix: str) -> Plan:
    return Plan(build_statement(model, shape, schema_suffix), shape, dialect)
