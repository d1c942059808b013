"""A query without its values: all that the compiler ever sees, and the key under which its work is kept.

Invariant: no text a user gave is in a shape but names, so none else can reach the text of a statement: names that the
model must know, and those of columns of the answer, which are single words and written in quotes. A leaf only knows the
numbers of the placeholders its values are bound to; widths, spans and percentiles are checked numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import count

from customer360.semantic.filters import (
    AllOf,
    Among,
    Benchmark,
    Comparator,
    Condition,
    Filter,
    Measure,
    Negation,
    Operator,
    Relative,
    RowsCondition,
    Scalar,
    Top,
    parts_of,
)
from customer360.semantic.query import Dimension, Formula, Order, SemanticQuery, Summary, TopPer


@dataclass(frozen=True)
class Leaf:
    """One comparison with values; ``placeholders`` are their numbers."""

    field: str
    op: Operator
    placeholders: tuple[int, ...]
    by_whole_months: bool = False
    """Whether it says the same of all days of a month, if it is about a date."""


@dataclass(frozen=True)
class RelativeLeaf:
    """One comparison with another field or a benchmark; the placeholder is that of the factor."""

    field: str
    op: Comparator
    than: str | Benchmark
    placeholder: int | None


@dataclass(frozen=True)
class RowsLeaf:
    """One comparison of what a measure makes of the rows that belong together."""

    measure: MeasureShape
    of: str | None
    compared: Leaf


@dataclass(frozen=True)
class AmongLeaf:
    """One comparison with the values that a measure puts first."""

    field: str
    among: Top
    by: MeasureShape
    lowest: bool


@dataclass(frozen=True)
class Branch:
    """``and``, ``or`` or ``not`` over other nodes."""

    kind: str
    parts: tuple[Node, ...]


AnyLeaf = Leaf | RelativeLeaf | RowsLeaf | AmongLeaf
Node = AnyLeaf | Branch


@dataclass(frozen=True)
class MeasureShape:
    """A measure whose filter has no values."""

    measure: Measure
    """Without its filter."""
    where: Node | None = None


@dataclass(frozen=True)
class FormulaShape:
    """A formula over two measures."""

    formula: Formula
    """With no filters in it."""
    left: MeasureShape
    right: MeasureShape


MetricShape = MeasureShape | FormulaShape


@dataclass(frozen=True)
class Shape:
    """Everything of a query that decides the text of its statement."""

    metrics: tuple[MetricShape, ...]
    dimensions: tuple[Dimension, ...]
    fields: tuple[Dimension, ...]
    filters: Node | None
    having: Node | None
    order: tuple[Order, ...]
    limit: int
    offset: int
    top_per: TopPer | None
    summary: Summary | None
    top: Top | None


def take_apart(query: SemanticQuery) -> tuple[Shape, list[Scalar]]:
    """Return the shape of a query and its values, in the order of their placeholders."""
    taker = _Taker()
    shape = Shape(
        filters=taker.node(query.filters),
        having=taker.node(query.having),
        metrics=tuple(taker.metric(one) for one in query.metrics),
        dimensions=query.dimensions,
        fields=query.fields,
        order=query.order,
        limit=query.limit,
        offset=query.offset,
        top_per=query.top_per,
        summary=query.summary,
        top=query.top,
    )
    return shape, taker.values


def leaves(node: Node | None) -> Iterator[AnyLeaf]:
    """Yield the comparisons of a tree in the order of their placeholders."""
    if isinstance(node, Branch):
        for part in node.parts:
            yield from leaves(part)
    elif node is not None:
        yield node


class _Taker:
    """Takes the values out of filters and numbers their placeholders."""

    def __init__(self) -> None:
        self.values: list[Scalar] = []
        self._numbers = count(1)

    def node(self, tree: Filter | None) -> Node | None:
        return None if tree is None else self._tree(tree)

    def metric(self, metric: str | Measure | Formula) -> MetricShape:
        if not isinstance(metric, Formula):
            return self._measure(metric)
        left, right = self._measure(metric.left), self._measure(metric.right)
        bare = metric.model_copy(update={"left": left.measure, "right": right.measure})
        return FormulaShape(bare, left, right)

    def _measure(self, measure: str | Measure) -> MeasureShape:
        if isinstance(measure, str):
            return MeasureShape(Measure(metric=measure))
        return MeasureShape(measure.model_copy(update={"where": None}), self.node(measure.where))

    def _tree(self, tree: Filter) -> Node:
        if isinstance(tree, Condition):
            return self._leaf(tree.field, tree.op, tree.given())
        if isinstance(tree, Relative):
            factor = () if tree.times == 1 else self._take((tree.times,))
            return RelativeLeaf(tree.field, tree.op, tree.than, factor[0] if factor else None)
        if isinstance(tree, RowsCondition):
            measure = self._measure(tree.measure)
            given = tree.values if tree.values is not None else () if tree.value is None else (tree.value,)
            return RowsLeaf(measure, tree.of, self._leaf("measure", tree.op, given))
        if isinstance(tree, Among):
            return AmongLeaf(tree.field, tree.among, self._measure(tree.by), tree.lowest)
        kind = "and" if isinstance(tree, AllOf) else "not" if isinstance(tree, Negation) else "or"
        return Branch(kind, tuple(self._tree(part) for part in parts_of(tree)))

    def _leaf(self, field: str, op: Operator, given: tuple[Scalar, ...]) -> Leaf:
        return Leaf(field, op, self._take(given), _by_whole_months(op, given))

    def _take(self, given: tuple[Scalar, ...]) -> tuple[int, ...]:
        self.values.extend(given)
        return tuple(next(self._numbers) for _ in given)


def _by_whole_months(op: Operator, given: tuple[Scalar, ...]) -> bool:
    """Tell whether a comparison of a date with values divides no month."""
    if op in (">=", "<"):
        return _begins_month(given[0])
    if op in (">", "<="):
        return _ends_month(given[0])
    if op == "between":
        return _begins_month(given[0]) and _ends_month(given[1])
    return op in ("is_null", "is_not_null")


def _begins_month(value: Scalar) -> bool:
    day = _day(value)
    return day is not None and day.day == 1


def _ends_month(value: Scalar) -> bool:
    day = _day(value)
    return day is not None and day < date.max and (day + timedelta(days=1)).day == 1


def _day(value: Scalar) -> date | None:
    """Return a value as a day; nothing where it is none, or a moment."""
    if isinstance(value, str):
        try:
            return date.fromisoformat(value)
        except ValueError:
            return None
    return value if isinstance(value, date) and not isinstance(value, datetime) else None
