"""Groups with their places in the order of a figure, and which of them come first."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from customer360.semantic.asked import ordered
from customer360.semantic.filters import Top
from customer360.semantic.query import digits

PLACE, GROUPS = "place ", "groups "
"""What columns are called that no answer has, because none of its names holds a space."""


def placed(groups: exp.Select, names: Sequence[str], *, lowest: bool = False) -> exp.Select:
    """Return groups with their places by the last of the columns that are named, the others deciding between equals."""
    *keys, figure = (exp.column(name, table="s", quoted=True) for name in names)
    order = [ordered(figure, descending=not lowest), *map(ordered, keys)]
    place = exp.Window(this=exp.RowNumber(), order=exp.Order(expressions=order))
    number = exp.Window(this=exp.Count(this=exp.Star()))
    parts = [
        *(one.copy() for one in (*keys, figure)),
        exp.alias_(place, PLACE, quoted=True),
        exp.alias_(number, GROUPS, quoted=True),
    ]
    return exp.Select(expressions=parts).from_(groups.subquery("s"), copy=False)


def is_first(top: Top, table: str) -> exp.Expr:
    """Return the condition that a placed group is one of the first."""
    last: exp.Expr = exp.Literal.number(top.rows or 0)
    if top.percent:
        number = exp.column(GROUPS, table=table, quoted=True)
        last = exp.Mul(this=number, expression=exp.Literal.number(digits(top.percent)))
        last = exp.Ceil(this=exp.Div(this=last, expression=exp.Literal.number("100.0")))
    return exp.LTE(this=exp.column(PLACE, table=table, quoted=True), expression=last)
