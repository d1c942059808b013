"""Roll-ups in the place of the rows that they were made of.

Invariant: a select is only written over a roll-up where it gives the same rows, to the last digit. The rows behind one
row of the roll-up agree in its keys, so whatever reads nothing else of the table (what is grouped by, joined on and
kept) says the same of each; and sums, counts, least and greatest values of the rows are those of what the roll-up holds
of them. Everything else is read from the rows: medians, deviations, other columns, functions that are not known here.
"""

from __future__ import annotations

from sqlglot import exp

from customer360.semantic.definition import ROW_COUNT, RollUp
from customer360.semantic.source import Source

_AGGREGATES: dict[type[exp.Expr], str] = {exp.Sum: "sum", exp.Count: "count", exp.Min: "min", exp.Max: "max"}
_OTHERS = (exp.AggFunc, exp.Anonymous, exp.Filter, exp.Window, exp.WithinGroup, exp.IgnoreNulls, exp.RespectNulls)
"""What may aggregate in another way, or change how an aggregate does."""
_WHOLE_MONTHS = frozenset({"MONTH", "QUARTER", "YEAR"})
BY_WHOLE_MONTHS = "by_whole_months"
"""Marks a date in a comparison that says the same of all days of a month."""


def rolled_up(source: Source, select: exp.Select) -> exp.Select:
    """Return a select over the first roll-up of its base table that gives the same, or as it is where none does.

    How many times a row is there may matter to the aggregates of ``select``, and to nothing else.
    """
    for rollup in source.scope.model.tables[source.base].rollups:
        try:
            return _Writer(source, rollup).over_rollup(select)
        except _NotHeldError:
            continue
    return select


class _NotHeldError(Exception):
    """The roll-up does not hold what is asked of the rows."""


class _Writer:
    """Writes selects over one roll-up; its methods refuse what the roll-up does not hold."""

    def __init__(self, source: Source, rollup: RollUp) -> None:
        self._source = source
        self._rollup = rollup

    def over_rollup(self, select: exp.Select) -> exp.Select:
        """Return a select that reads the roll-up under the alias of its base table."""
        written = select.copy()
        written.transform(self._node, copy=False)
        return written.from_(self._source.base_table(self._rollup.table), copy=False)

    def _node(self, node: exp.Expr) -> exp.Expr:
        """Return one node as it is where it reads no more than keys; another stands for the whole tree below it."""
        if isinstance(node, _OTHERS) and _is_outermost(node):
            return self._aggregate(node)
        if isinstance(node, exp.Column) and self._is_own(node):
            return self._key(node)
        return node

    def _key(self, column: exp.Column) -> exp.Expr:
        """Return a key, or the month in the place of a date of which no more than the month is read."""
        if column.name in self._rollup.keys:
            return column
        if column.name in self._rollup.months and _is_read_by_months(column):
            return self._column(self._rollup.months[column.name])
        raise _NotHeldError

    def _aggregate(self, node: exp.Expr) -> exp.Expr:
        name = _AGGREGATES.get(type(node))
        if name is None or node.expressions:
            raise _NotHeldError
        if isinstance(node.this, exp.Distinct):
            return type(node)(this=node.this.transform(self._node))
        value = self._value(node.this, name)
        if name != "count":
            return type(node)(this=value)
        counted = exp.Coalesce(this=exp.Sum(this=value), expressions=[exp.Literal.number(0)])
        return exp.cast(counted, "BIGINT")

    def _value(self, node: exp.Expr, name: str) -> exp.Expr:
        """Return what a row of the roll-up holds of an aggregate's argument, of each branch where CASE chooses it."""
        if isinstance(node, exp.Case) and node.this is None:
            branches = [
                exp.If(this=one.this.transform(self._node), true=self._value(one.args["true"], name))
                for one in node.args["ifs"]
            ]
            default = node.args.get("default")
            return exp.Case(ifs=branches, default=None if default is None else self._value(default, name))
        if isinstance(node, exp.Column) and self._is_own(node) and name in self._rollup.measures.get(node.name, ()):
            return self._column(f"{node.name}_{name}")
        return self._value_of_key(node, name)

    def _value_of_key(self, node: exp.Expr, name: str) -> exp.Expr:
        """Return what a row of the roll-up holds of an aggregate's argument that all rows behind it share."""
        rows = self._column(ROW_COUNT)
        if name == "count" and isinstance(node, (exp.Star, exp.Literal)):
            return rows
        if name == "sum" and node.is_int:
            return exp.Mul(this=node.copy(), expression=rows)
        if name == "sum":
            raise _NotHeldError
        shared = node.transform(self._node)
        if name != "count":
            return shared
        known = exp.Not(this=exp.Is(this=exp.Paren(this=shared), expression=exp.Null()))
        return exp.Case(ifs=[exp.If(this=known, true=rows)])

    def _is_own(self, column: exp.Column) -> bool:
        return bool(column.table == self._source.alias)

    def _column(self, name: str) -> exp.Column:
        return exp.column(name, table=self._source.alias)


def _is_outermost(node: exp.Expr) -> bool:
    """Tell whether a node belongs to the select that is written, not to one inside it."""
    select = node.parent_select
    return select is None or select.parent is None


def _is_read_by_months(day: exp.Column) -> bool:
    """Tell whether what reads a date says the same of all days of a month."""
    reader = day.parent
    if isinstance(reader, (exp.TimestampTrunc, exp.DateTrunc)):
        return reader.args["unit"].name.upper() in _WHOLE_MONTHS
    if isinstance(reader, exp.Extract):
        return reader.name.upper() in _WHOLE_MONTHS
    return bool(day.meta.get(BY_WHOLE_MONTHS))
