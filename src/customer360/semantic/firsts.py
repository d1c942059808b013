"""The first rows of each group of rows: numbered in their group, cut off, and sorted by group."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from customer360.semantic.asked import Asked, aliased, columns_of, ordered, place_of
from customer360.semantic.places import PLACE
from customer360.semantic.query import TopPer

_GROUP, _LAST = "group ", "last "


def first_of_each(
    top: TopPer, select: exp.Select, asked: Sequence[Asked], values: Sequence[exp.Expr], sorting: Sequence[exp.Expr]
) -> tuple[exp.Select, tuple[exp.Expr, ...]]:
    """Return the first rows of each group of rows, sorted by group, and what they are sorted by."""
    columns = columns_of(asked)
    parts = [place_of(str(one), asked) for one in top.by]
    hidden = [exp.alias_(one.this.copy(), f"{PLACE}{place}", quoted=True) for place, one in enumerate(sorting)]
    number = _numbered([values[place] for place in parts], sorting)
    inner = select.select(*hidden, number, copy=False)
    shown = [exp.column(column.name, table="t", quoted=True) for column in columns]
    outer = exp.Select(expressions=aliased(shown, columns)).from_(inner.subquery("t"), copy=False)
    again = [
        ordered(exp.column(f"{PLACE}{place}", table="t", quoted=True), descending=bool(one.args.get("desc")))
        for place, one in enumerate(sorting)
    ]
    return outer.where(_is_first(top, "t"), copy=False), (*(ordered(shown[place].copy()) for place in parts), *again)


def near_first(
    top: TopPer, select: exp.Select, asked: Sequence[Asked], values: Sequence[exp.Expr], order: exp.Expr
) -> exp.Select:
    """Return a list of rows without those that the value they are sorted by first keeps from being among the first.

    To number that one value in each group is many times faster than to number whole rows by several keys.
    """
    groups = [values[place_of(str(one), asked)] for one in top.by]
    named = [exp.alias_(value.copy(), f"{_GROUP}{place}", quoted=True) for place, value in enumerate(groups)]
    value = exp.alias_(order.this.copy(), _LAST, quoted=True)
    narrow = select.select(*named, value, _numbered(groups, [order]), append=False)
    keys = [exp.column(f"{_GROUP}{place}", table="n", quoted=True) for place in range(len(groups))]
    furthest, is_near = (exp.Min, exp.GTE) if order.args.get("desc") else (exp.Max, exp.LTE)
    last = furthest(this=exp.column(_LAST, table="n", quoted=True))
    bounds = exp.Select(expressions=[*keys, exp.alias_(last, _LAST, quoted=True)])
    bounds = bounds.from_(narrow.subquery("n"), copy=False).where(_is_first(top, "n"), copy=False)
    bounds = bounds.group_by(*(key.copy() for key in keys), copy=False)
    bound = exp.column(_LAST, table="b", quoted=True)
    same = [
        exp.NullSafeEQ(this=value.copy(), expression=exp.column(f"{_GROUP}{place}", table="b", quoted=True))
        for place, value in enumerate(groups)
    ]
    unknown = exp.Is(this=order.this.copy(), expression=exp.Null())
    near = exp.or_(is_near(this=order.this.copy(), expression=bound), unknown)
    return select.join(bounds.subquery("b"), on=exp.and_(*same, near), copy=False)


def _numbered(groups: Sequence[exp.Expr], sorting: Sequence[exp.Expr]) -> exp.Expr:
    order = exp.Order(expressions=[one.copy() for one in sorting])
    partition = [one.copy() for one in groups]
    return exp.alias_(exp.Window(this=exp.RowNumber(), partition_by=partition, order=order), PLACE, quoted=True)


def _is_first(top: TopPer, table: str) -> exp.Expr:
    return exp.LTE(this=exp.column(PLACE, table=table, quoted=True), expression=exp.Literal.number(top.rows))
