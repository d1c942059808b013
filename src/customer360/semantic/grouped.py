"""Metrics by dimensions: aggregated apart by table and filter, put together, and only then made into figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlglot import exp

from customer360.errors import InvalidQuery
from customer360.semantic.asked import Asked, aliased, ask, columns_of, some, value_of
from customer360.semantic.conditions import compared, comparison, enclosed, logic, where
from customer360.semantic.filters import Benchmark, Measure
from customer360.semantic.measures import Figure, Inner, aggregated, change_in_percent, figure_value, get_figure
from customer360.semantic.model import GROUP_KINDS, METRIC_KINDS, Item, Kind, SemanticModel
from customer360.semantic.relations import finest
from customer360.semantic.shape import AnyLeaf, Branch, Leaf, MeasureShape, Node, RelativeLeaf, RowsLeaf, Shape, leaves
from customer360.semantic.source import Scope, Source, zero_filled


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
    window = _Window(dimensions, measured)
    values = [*window.keys, *(window.shown(one) for one in figures)]
    compared_values = _compared_values(shape.having, held, window)
    if window.used:
        relation, values, compared_values = _layered(relation, values, compared_values)
    having = _having(shape.having, held, compared_values)
    asked = (*dimensions, *(Asked(one.item, field=one.field) for one in figures))
    return Groups(relation, asked, tuple(values), len(dimensions), having)


def having_figure(model: SemanticModel, figures: Sequence[Figure], name: str) -> Figure:
    """Return the figure that a condition on groups compares: one of the query by its name, or a metric of the model."""
    named = [one for one in figures if name in (one.item.name, one.field)]
    if named:
        return named[0]
    metric = model.get_item(name, METRIC_KINDS, role="metric of having")
    return get_figure(model, MeasureShape(Measure(metric=metric.full_name)))


def _held_names(having: Node | None) -> list[str]:
    names: list[str] = []
    for leaf in leaves(having):
        if isinstance(leaf, RowsLeaf):
            raise InvalidQuery(
                "having filters groups by a metric; a condition on rows belongs under filters.",
                next_action="Move it to filters.",
            )
        names.append(leaf.field)
        if isinstance(leaf, RelativeLeaf) and isinstance(leaf.than, str):
            names.append(leaf.than)
    return list(dict.fromkeys(names))


def _measures(figures: Sequence[Figure]) -> dict[Inner, str]:
    """Return the aggregates that figures need, each with its inner name."""
    needed = [inner for figure in figures for inner in figure.inners]
    return {inner: f"m{place}" for place, inner in enumerate(dict.fromkeys(needed))}


class _Window:
    """Figures as expressions over the groups ``g``; notes whether one of them looks at other groups."""

    def __init__(self, dimensions: Sequence[Asked], measured: Mapping[Inner, str]) -> None:
        self.keys = [exp.column(f"d{place}", table="g") for place in range(len(dimensions))]
        self.used = False
        self._dimensions = dimensions
        self._measured = measured

    def value(self, figure: Figure) -> exp.Expr:
        """Return a figure of the group itself."""
        return figure_value(figure, lambda inner: exp.column(self._measured[inner], table="g"))

    def shown(self, figure: Figure) -> exp.Expr:
        """Return a figure as it is shown."""
        value, show = self.value(figure), figure.shown.show
        if show == "value":
            return value
        self.used = True
        if show == "share":
            within = figure.shown.within if isinstance(figure.shown, Measure) else ()
            whole = _over(exp.Sum(this=value.copy()), [self._key(name) for name in within])
            return _typed(_percent(value, whole), figure.item)
        return _typed(self._along_time(figure, value), figure.item)

    def benchmark(self, figure: Figure, benchmark: Benchmark) -> exp.Expr:
        """Return the mean of a figure over all groups, or over those that agree in some dimensions."""
        self.used = True
        value = self.value(figure)
        made = exp.Median(this=value) if benchmark.agg == "median" else exp.Avg(this=exp.cast(value, "DOUBLE"))
        return _over(made, [self._key(name) for name in benchmark.by])

    def _along_time(self, figure: Figure, value: exp.Expr) -> exp.Expr:
        places = [place for place, one in enumerate(self._dimensions) if one.data_type in ("DATE", "TIMESTAMP")]
        if len(places) != 1:
            raise InvalidQuery(
                f"{figure.item.label} needs one date to go along, and the query has {len(places)}.",
                next_action="Group by one date, such as transaction_date:month.",
                details=[{"field": "dimensions", "message": "not exactly one date"}],
            )
        parts = [key for place, key in enumerate(self.keys) if place != places[0]]
        order = [exp.Ordered(this=self.keys[places[0]].copy(), nulls_first=False)]
        show = figure.shown.show
        if show == "running_total":
            return _over(exp.Sum(this=value), parts, order, rows=None)
        if show == "moving_average":
            span = figure.shown.span if isinstance(figure.shown, Measure) else 3
            return _over(exp.Avg(this=exp.cast(value, "DOUBLE")), parts, order, rows=span - 1)
        before = _over(exp.Lag(this=value.copy()), parts, order, rows=0)
        if show == "change_pct":
            return change_in_percent(value, before)
        return exp.Sub(this=exp.Paren(this=value), expression=before)

    def _key(self, name: str) -> exp.Expr:
        for one, key in zip(self._dimensions, self.keys, strict=True):
            if name in one.called():
                return key
        raise InvalidQuery(
            f"The query is not grouped by {name!r}.",
            next_action="Name one of its dimensions.",
            details=[{"field": name, "message": "not a dimension of the query"}],
        )


def _typed(value: exp.Expr, item: Item) -> exp.Expr:
    return exp.cast(value, item.data_type, dialect="duckdb")


def _percent(part: exp.Expr, whole: exp.Expr) -> exp.Expr:
    divisor = exp.Nullif(this=whole, expression=exp.Literal.number(0))
    share = exp.Div(this=exp.cast(part, "DOUBLE"), expression=divisor)
    return exp.Mul(this=exp.Literal.number(100), expression=exp.Paren(this=share))


def _over(
    function: exp.Expr, parts: Sequence[exp.Expr], order: Sequence[exp.Expr] = (), rows: int | None = 0
) -> exp.Expr:
    """Return a function over a window; ``rows`` is how many before the current one it takes, None for all."""
    window = exp.Window(this=function, partition_by=[part.copy() for part in parts])
    if order:
        window.set("order", exp.Order(expressions=list(order)))
        if not isinstance(function, exp.Lag):
            start = "UNBOUNDED" if rows is None else exp.Literal.number(rows)
            window.set("spec", exp.WindowSpec(kind="ROWS", start=start, start_side="PRECEDING", end="CURRENT ROW"))
    return window


Compared = dict[AnyLeaf, tuple[exp.Expr, ...]]


def _compared_values(having: Node | None, held: Mapping[str, Figure], window: _Window) -> Compared:
    """Return, for each comparison of groups, the expressions on its sides that are no values."""
    found: Compared = {}
    for leaf in leaves(having):
        if isinstance(leaf, Leaf):
            found[leaf] = (window.shown(held[leaf.field]),)
        elif isinstance(leaf, RelativeLeaf):
            left, than = held[leaf.field], leaf.than
            right = window.benchmark(left, than) if isinstance(than, Benchmark) else window.shown(held[than])
            found[leaf] = (window.value(left), right)
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
    kinds = list(dict.fromkeys(inner.rows for inner in measured))
    kinds = kinds or [(finest(scope.model.relations, [one.item.table for one in dimensions]), None)]
    parts = [_aggregated(scope, shape, rows, dimensions, measured) for rows in kinds]
    if len(parts) == 1:
        return parts[0]
    union = exp.union(*parts, distinct=False, copy=False)
    names = [f"d{place}" for place in range(len(dimensions))]
    merged = [_merged(inner.item, name) for inner, name in measured.items()]
    select = exp.Select(expressions=[*(exp.column(name, table="u") for name in names), *merged])
    return _group(select.from_(union.subquery("u", copy=False), copy=False), len(names))


def _aggregated(
    scope: Scope,
    shape: Shape,
    rows: tuple[str, Node | None],
    dimensions: Sequence[Asked],
    measured: Mapping[Inner, str],
) -> exp.Select:
    """Return the aggregates over what one filter keeps of a table, and nulls in the place of all others."""
    table, kept = rows
    source = Source(scope, table)
    for one in dimensions:
        _require_reach(scope.model, table, one.item, measured)
    groups = [exp.alias_(value_of(source, one), f"d{place}") for place, one in enumerate(dimensions)]
    metrics = [
        exp.alias_(
            aggregated(source, one) if (one.item.table, one.where) == (table, kept) else _missing(one.item), name
        )
        for one, name in measured.items()
    ]
    nodes = tuple(node for node in (shape.filters, kept) if node is not None)
    condition = where(nodes[0] if len(nodes) == 1 else Branch("and", nodes), source) if nodes else None
    select = source.select(*groups, *metrics)
    if condition is not None:
        select = select.where(condition, copy=False)
    return _group(select, len(groups))


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
