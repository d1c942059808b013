"""Metrics by dimensions: aggregated apart by table and filter, put together, and only then made into figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from sqlglot import exp

from customer360.errors import InvalidQuery
from customer360.semantic.aggregates import aggregate_of
from customer360.semantic.asked import Asked, aliased, ask, columns_of, some, value_of
from customer360.semantic.comparisons import compared, comparison, enclosed, require_comparable
from customer360.semantic.conditions import join_parts, logic, where
from customer360.semantic.filters import Benchmark, Measure
from customer360.semantic.measures import Figure, Inner, aggregated, get_figure
from customer360.semantic.model import GROUP_KINDS, METRIC_KINDS, Item, Kind, SemanticModel
from customer360.semantic.percentiles import with_percentiles_rolled_up
from customer360.semantic.relations import finest
from customer360.semantic.shape import (
    AmongLeaf,
    AnyLeaf,
    Leaf,
    MeasureShape,
    Node,
    RelativeLeaf,
    RowsLeaf,
    Shape,
    leaves,
)
from customer360.semantic.source import Scope, Source, zero_filled
from customer360.semantic.windows import Windows


@dataclass(frozen=True)
class Groups:
    """One row for each group: the relation that has them, and its expressions for what is asked and compared."""

    relation: exp.Expr
    asked: tuple[Asked, ...]
    values: tuple[exp.Expr, ...]
    keys: int
    """How many of the values are dimensions."""
    having: exp.Expr | None

    @property
    def select(self) -> exp.Select:
        """The groups as a statement without an order."""
        select = exp.Select(expressions=aliased(self.values, columns_of(self.asked)))
        select = select.from_(self.relation, copy=False)
        return select if self.having is None else select.where(self.having, copy=False)


def build_groups(scope: Scope, shape: Shape) -> Groups:
    """Return the groups of a query's shape."""
    model = scope.model
    dimensions = [ask(model, one, GROUP_KINDS, "dimension") for one in shape.dimensions]
    figures = [get_figure(model, one) for one in shape.metrics]
    held = {name: having_figure(model, figures, name) for name in _held_names(shape.having)}
    measured = _measures([*figures, *held.values()])
    relation: exp.Expr = _combined(scope, shape, dimensions, measured).subquery("g", copy=False)
    window = Windows(dimensions, measured, lambda: _combined(scope, shape, (), measured))
    values = [*window.keys, *(window.shown(one) for one in figures)]
    compared_values = _compared_values(shape.having, held, window)
    if window.used:
        relation, values, compared_values = _layered(relation, values, compared_values)
    having = _having(shape.having, held, compared_values)
    asked = (*dimensions, *(Asked(one.item, field=one.field) for one in figures))
    return Groups(relation, asked, tuple(values), len(dimensions), having)


def having_figure(model: SemanticModel, figures: Sequence[Figure], name: str) -> Figure:
    """Return the figure that a condition on groups compares: one of the query by its name, or a metric of the model."""
    named = [one for one in figures if name in (one.item.name, one.item.full_name)]
    if named:
        return named[0]
    metric = model.get_item(name, METRIC_KINDS, role="metric of having")
    return get_figure(model, MeasureShape(Measure(metric=metric.full_name)))


def _held_names(having: Node | None) -> list[str]:
    names: list[str] = []
    for leaf in leaves(having):
        if isinstance(leaf, RowsLeaf | AmongLeaf):
            raise InvalidQuery(
                "having filters groups by a metric; a condition on rows belongs under filters.",
                next_action="Move it to filters.",
                details=[{"field": "having", "message": "holds a condition on rows"}],
            )
        names.append(leaf.field)
        if isinstance(leaf, RelativeLeaf) and isinstance(leaf.than, str):
            names.append(leaf.than)
    return list(dict.fromkeys(names))


def _measures(figures: Sequence[Figure]) -> dict[Inner, str]:
    """Return the aggregates that figures need, each with its inner name."""
    needed = [inner for figure in figures for inner in figure.inners]
    return {inner: f"m{place}" for place, inner in enumerate(dict.fromkeys(needed))}


Compared = dict[AnyLeaf, tuple[exp.Expr, ...]]


def _compared_values(having: Node | None, held: Mapping[str, Figure], window: Windows) -> Compared:
    """Return, for each comparison of groups, the expressions on its sides that are no values."""
    found: Compared = {}
    for leaf in leaves(having):
        if isinstance(leaf, Leaf):
            found[leaf] = (window.shown(held[leaf.field]),)
        elif isinstance(leaf, RelativeLeaf):
            left, than = held[leaf.field], leaf.than
            require_comparable(left.item, left.item if isinstance(than, Benchmark) else held[than].item, leaf)
            right = window.benchmark(left, than) if isinstance(than, Benchmark) else window.shown(held[than])
            found[leaf] = (window.shown(left), right)
    return found


def _layered(
    relation: exp.Expr, values: Sequence[exp.Expr], compared_values: Compared
) -> tuple[exp.Expr, list[exp.Expr], Compared]:
    """Put all expressions into a layer of their own, so that what filters the groups comes after the windows."""
    columns: list[exp.Expr] = []

    def column(expression: exp.Expr) -> exp.Expr:
        columns.append(exp.alias_(expression, f"v{len(columns)}"))
        return exp.column(f"v{len(columns) - 1}", table="v")

    outer = [column(value) for value in values]
    sides = {leaf: tuple(column(side) for side in given) for leaf, given in compared_values.items()}
    layer = exp.Select(expressions=columns).from_(relation, copy=False)
    return layer.subquery("v", copy=False), outer, sides


def _having(having: Node | None, held: Mapping[str, Figure], compared_values: Compared) -> exp.Expr | None:
    def write(leaf: AnyLeaf) -> exp.Expr:
        sides = compared_values[leaf]
        if isinstance(leaf, RelativeLeaf):
            return compared(leaf.op, sides[0].copy(), sides[1].copy(), leaf.placeholder)
        if isinstance(leaf, Leaf):
            return comparison(held[leaf.field].item, enclosed(sides[0].copy()), leaf)
        raise AssertionError("rows conditions were refused before")

    return None if having is None else logic(having, write)


def _combined(scope: Scope, shape: Shape, dimensions: Sequence[Asked], measured: Mapping[Inner, str]) -> exp.Select:
    """Return one row for each group with all inner metrics, aggregated apart by table."""
    kinds = list(dict.fromkeys(_kind(scope.model, inner) for inner in measured))
    kinds = kinds or [(finest(scope.model.relations, [one.item.table for one in dimensions]), None, "", False)]
    parts = [_aggregated(scope, shape, kind, dimensions, measured) for kind in kinds]
    if len(parts) == 1:
        return parts[0]
    union = exp.union(*parts, distinct=False, copy=False)
    names = [f"d{place}" for place in range(len(dimensions))]
    merged = [_merged(inner.item, name) for inner, name in measured.items()]
    select = exp.Select(expressions=[*(exp.column(name, table="u") for name in names), *merged])
    return _group(select.from_(union.subquery("u", copy=False), copy=False), len(names))


_Kind = tuple[str, Node | None, str, bool]


def _kind(model: SemanticModel, inner: Inner) -> _Kind:
    """Return what an aggregate has in common with others of its part: the rows, and where a roll-up may answer, how."""
    return *inner.rows, inner.is_percentile and bool(model.tables[inner.item.table].rollups)


def _aggregated(
    scope: Scope,
    shape: Shape,
    kind: _Kind,
    dimensions: Sequence[Asked],
    measured: Mapping[Inner, str],
) -> exp.Select:
    """Return the aggregates over what one filter keeps of a table, and nulls in the place of all others.

    The query's filter and the measure's stay apart: each may be fulfilled by another fine row, so that a measure's
    filter and its ``not`` make up all that the query's filter keeps.
    """
    table, kept, each, _ = kind
    source = Source(scope, table)
    for one in dimensions:
        _require_reach(scope.model, table, one.item, measured)
    groups = [exp.alias_(value_of(source, one), f"d{place}") for place, one in enumerate(dimensions)]
    once = _Once(source, each) if each else None
    make = once.aggregated if once else partial(aggregated, source)
    metrics = [
        exp.alias_(make(one) if _kind(scope.model, one) == kind else _missing(one.item), name)
        for one, name in measured.items()
    ]
    conditions = [where(node, source) for node in (shape.filters, kept) if node is not None]
    select = source.select(*groups, *(once.columns() if once else metrics))
    if conditions:
        select = select.where(join_parts("and", conditions), copy=False)
    select = with_percentiles_rolled_up(source, select)
    if once:
        names = [exp.column(f"d{place}", table="e") for place in range(len(groups))]
        distinct = select.distinct(copy=False).subquery("e", copy=False)
        select = exp.Select(expressions=[*names, *metrics]).from_(distinct, copy=False)
    return _group(select, len(groups))


class _Once:
    """Values of a coarser table that fine rows name, each row of it once in a group."""

    def __init__(self, source: Source, table: str) -> None:
        self._source = source
        model = source.scope.model
        path = model.relations.path(source.base, table)
        self._keys = [source.column(path, name) for name in model.tables[table].primary_key]
        self._values: list[exp.Expr] = []

    def aggregated(self, inner: Inner) -> exp.Expr:
        """Return an aggregate over the distinct rows."""
        if inner.aggregate is None:
            raise TypeError("a metric of the model has no rows to count once")
        aggregate = inner.aggregate
        other = self._value(aggregate.other) if aggregate.other else None
        return aggregate_of(self._value(aggregate.field), other, inner.item, aggregate)

    def columns(self) -> list[exp.Expr]:
        """Return the columns that make a row of its own: the key, and the values that are aggregated."""
        keys = [exp.alias_(key, f"k{place}") for place, key in enumerate(self._keys)]
        return [*keys, *(exp.alias_(value, f"x{place}") for place, value in enumerate(self._values))]

    def _value(self, item: Item) -> exp.Expr:
        self._values.append(self._source.value(item))
        return exp.column(f"x{len(self._values) - 1}", table="e")


def _group(select: exp.Select, groups: int) -> exp.Select:
    return select.group_by(*(exp.Literal.number(place + 1) for place in range(groups)), copy=False)


def _missing(metric: Item) -> exp.Expr:
    return exp.cast(exp.Null(), metric.data_type, dialect="duckdb")


def _merged(metric: Item, name: str) -> exp.Expr:
    """Return the one value of a metric among the padding."""
    return exp.alias_(zero_filled(metric, exp.Max(this=exp.column(name, table="u"))), name)


def _require_reach(model: SemanticModel, table: str, dimension: Item, measured: Mapping[Inner, str]) -> None:
    if model.relations.reaches(table, dimension.table):
        return
    metric = next(inner.item for inner in measured if inner.item.table == table)
    raise InvalidQuery(
        f"{metric.name} cannot be split by {dimension.name}: it is worked out over {table} (one row per "
        f"{', '.join(model.tables[table].primary_key)}), and {dimension.table} is not at an equal or coarser grain.",
        code="unreachable_field",
        next_action=_alternatives(model, table, dimension),
        details=[{"field": dimension.full_name, "message": f"finer than or not related to {table}"}],
    )


def _alternatives(model: SemanticModel, table: str, dimension: Item) -> str:
    """Return what could be asked instead: dimensions that fit the metric, metrics that fit the dimension."""
    fitting = [item.name for item in model.list_items(GROUP_KINDS) if model.relations.reaches(table, item.table)]
    metrics = [
        item.name for item in model.list_items({Kind.METRIC}) if model.relations.reaches(item.table, dimension.table)
    ]
    return (
        f"Filter by {dimension.name} instead, or use a metric that fits it: {some(metrics)}. "
        f"Dimensions that fit: {some(fitting)}."
    )
