"""Percentiles of amounts from a roll-up that has each: as exact as from the rows, without sorting millions of them.

The values are counted and put in order, so that each knows how many lie up to it. A percentile is the value at its
place, or between two where the place lies between them, and rounded once, as percentiles of rows are.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp, parse_one

from customer360.semantic.means import is_ten_thousandths
from customer360.semantic.rollups import rolled_up
from customer360.semantic.source import Source

_UP_TO = parse_one("SUM(v.n) OVER (ORDER BY v.x)", dialect="duckdb")
_OF_ALL = parse_one("SUM(v.n) OVER ()", dialect="duckdb")
_PLACED = parse_one(
    """(
        MIN(CASE WHEN v.up_to > FLOOR(:share * (v.of_all - 1)) THEN v.x END)
        + (
            MIN(CASE WHEN v.up_to > CEIL(:share * (v.of_all - 1)) THEN v.x END)
            - MIN(CASE WHEN v.up_to > FLOOR(:share * (v.of_all - 1)) THEN v.x END)
        ) * (:share * (MAX(v.of_all) - 1) - FLOOR(:share * (MAX(v.of_all) - 1)))
    )""",
    dialect="duckdb",
)


def with_percentiles_rolled_up(source: Source, select: exp.Select) -> exp.Select:
    """Return a select of groups over a roll-up, its percentiles too, or as it is where none gives the same.

    It is to be grouped by its first columns, which are those that do not aggregate.
    """
    value = _only_amount(select)
    if value is None:
        return rolled_up(source, select)
    keys = [one for one in select.expressions if one.find(exp.Column) and not one.find(exp.AggFunc)]
    counted = _counted(select, keys, value)
    written = rolled_up(source, counted)
    return select if written is counted else _from_values(select, keys, written)


def _only_amount(select: exp.Select) -> exp.Expr | None:
    """Return the one amount of which a select has percentiles, if it has nothing else that aggregates."""
    aggregates = [one for column in select.expressions for one in column.find_all(exp.AggFunc)]
    amounts = {_amount(one) for one in aggregates}
    return amounts.pop() if len(amounts) == 1 else None


def _amount(aggregate: exp.Expr) -> exp.Expr | None:
    """Return the amount of which something is a percentile; nothing where it is another aggregate."""
    value: exp.Expr | None = None
    if isinstance(aggregate, exp.Median):
        value = aggregate.this
    elif isinstance(aggregate, exp.PercentileCont) and isinstance(aggregate.parent, exp.WithinGroup):
        value = aggregate.parent.expression.expressions[0].this
    return value if value is not None and is_ten_thousandths(value) else None


def _counted(select: exp.Select, keys: Sequence[exp.Expr], value: exp.Expr) -> exp.Select:
    """Return how often each value is in each group."""
    columns = [*keys, exp.alias_(value, "x"), exp.alias_(exp.Count(this=value.copy()), "n")]
    places = [exp.Literal.number(place + 1) for place in range(len(keys) + 1)]
    return select.select(*columns, append=False).group_by(*places, copy=False)


def _from_values(select: exp.Select, keys: Sequence[exp.Expr], counted: exp.Select) -> exp.Select:
    """Return the columns of a select over the values of each group in order."""
    names = [exp.column(key.alias, table="v") for key in keys]
    windows = [_UP_TO.copy(), _OF_ALL.copy()]
    for window in windows:
        window.set("partition_by", [name.copy() for name in names])
    in_order = exp.select(*names, "v.x", exp.alias_(windows[0], "up_to"), exp.alias_(windows[1], "of_all"))
    in_order = in_order.from_(counted.subquery("v", copy=False), copy=False)
    columns = [
        exp.alias_(exp.column(one.alias, table="v"), one.alias) if one in keys else one.transform(_placed)
        for one in select.expressions
    ]
    return exp.Select(expressions=columns).from_(in_order.subquery("v", copy=False), copy=False)


def _placed(node: exp.Expr) -> exp.Expr:
    """Return a percentile as the value at its place."""
    if isinstance(node, (exp.Median, exp.WithinGroup)):
        share = exp.Literal.number("0.5") if isinstance(node, exp.Median) else node.this.this.copy()
        return exp.replace_placeholders(_PLACED.copy(), share=exp.cast(share, "DOUBLE"))
    return node
