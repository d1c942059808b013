"""What a metric of a query stands for: aggregates of tables' rows, and the formula that makes one figure of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from sqlglot import exp

from customer360.errors import InvalidQuery
from customer360.semantic.definition import Unit
from customer360.semantic.filters import Aggregation, Measure, Show
from customer360.semantic.means import MONEY, exact_means, money_per
from customer360.semantic.model import METRIC_KINDS, ROW_KINDS, Item, Kind, SemanticModel, dotted
from customer360.semantic.query import Formula
from customer360.semantic.shape import FormulaShape, MeasureShape, MetricShape, Node
from customer360.semantic.source import Source
from customer360.semantic.values import family_of

_NOT_ADDED_UP = frozenset({"percent", "score", "years", "months", "days"})
_LABELS: dict[Aggregation, str] = {
    "sum": "Total",
    "avg": "Average",
    "median": "Median",
    "min": "Lowest",
    "max": "Highest",
    "stddev": "Standard deviation of",
    "corr": "Correlation of",
    "count_distinct": "Number of different values of",
}
_SHOWN: dict[Show, tuple[str, str]] = {
    "share": ("share", "share of total"),
    "running_total": ("running_total", "running total"),
    "moving_average": ("moving_average", "moving average"),
    "change": ("change", "change"),
    "change_pct": ("change_pct", "change in percent"),
}


@dataclass(frozen=True)
class Aggregate:
    """An aggregate of a field that the model has no metric for."""

    agg: Aggregation
    field: Item
    other: Item | None
    percentile: float | None


@dataclass(frozen=True)
class Inner:
    """One aggregate over the rows of ``item.table`` that ``where`` keeps."""

    item: Item
    where: Node | None
    aggregate: Aggregate | None = None

    @property
    def rows(self) -> tuple[str, Node | None]:
        """Which rows are aggregated."""
        return self.item.table, self.where


@dataclass(frozen=True)
class Operand:
    """A measure: what it is called and, by the name its formula uses, the aggregates it is made of."""

    item: Item
    inners: Mapping[str, Inner]


@dataclass(frozen=True)
class Figure:
    """One column of figures: an operand, or a formula over two, and how it is shown."""

    item: Item
    field: str
    left: Operand
    right: Operand | None
    formula: Formula | None
    shown: Measure | Formula

    @property
    def inners(self) -> list[Inner]:
        """Return all aggregates that the figure needs."""
        operands = [self.left, *([self.right] if self.right else [])]
        return [inner for operand in operands for inner in operand.inners.values()]


def get_figure(model: SemanticModel, shape: MetricShape) -> Figure:
    """Return what a metric of a query stands for.

    Raises:
        InvalidQuery: a name is unknown, or the aggregate makes no sense for its field.
    """
    if isinstance(shape, FormulaShape):
        return _formula(model, shape)
    operand = get_operand(model, shape)
    item = _as_shown(operand.item, shape.measure)
    return Figure(item, operand.item.full_name, operand, None, None, shape.measure)


def get_operand(model: SemanticModel, shape: MeasureShape) -> Operand:
    """Return a measure's aggregates."""
    measure = shape.measure
    if measure.metric is not None:
        metric = model.get_item(measure.metric, METRIC_KINDS, role="metric")
        inners = {name: Inner(item, shape.where) for name, item in model.operands(metric).items()}
        return Operand(metric, inners)
    inner = Inner(*_aggregate(model, measure, shape.where))
    return Operand(inner.item, {inner.item.full_name: inner})


def aggregated(source: Source, inner: Inner) -> exp.Expr:
    """Return an aggregate as an expression over the rows of ``source``, as its declared type."""
    if inner.aggregate is None:
        return source.aggregate(inner.item)
    value, other = source.value(inner.aggregate.field), inner.aggregate.other
    made = _AGGREGATES[inner.aggregate.agg](value, source.value(other) if other else None, inner.aggregate)
    if inner.item.data_type == MONEY:
        made = exact_means(made)
    return exp.cast(made, inner.item.data_type, dialect="duckdb")


def figure_value(figure: Figure, column: Callable[[Inner], exp.Expr]) -> exp.Expr:
    """Return a figure as an expression over the columns that hold its aggregates."""
    left = operand_value(figure.left, column)
    if figure.formula is None or figure.right is None:
        return left
    return _FORMULAS[figure.formula.op](left, operand_value(figure.right, column))


def operand_value(operand: Operand, column: Callable[[Inner], exp.Expr]) -> exp.Expr:
    """Return a measure as a column, or as its formula over columns."""
    metric = operand.item
    if metric.kind is not Kind.DERIVED:
        return column(next(iter(operand.inners.values())))
    formula, counted = exp.Paren(this=metric.expression.copy()), _is_money_per_count(operand)
    for one in list(formula.find_all(exp.Column)):
        one.replace(column(operand.inners[dotted(one)]))
    if counted:
        return money_per(formula.this.this, formula.this.expression)
    for division in list(formula.find_all(exp.Div)):
        _make_safe(division)
    return exp.cast(formula.this, metric.data_type, dialect="duckdb")


def _is_money_per_count(operand: Operand) -> bool:
    """Tell whether a derived metric is an amount divided by a number of things."""
    formula = operand.item.expression
    divisor = formula.args.get("expression") if isinstance(formula, exp.Div) else None
    if operand.item.data_type != MONEY or not isinstance(divisor, exp.Column):
        return False
    return operand.inners[dotted(divisor)].item.data_type == "BIGINT"


def _make_safe(division: exp.Div) -> None:
    """Make a division the same on every engine: of doubles, and null where the divisor is zero."""
    safe = _ratio(division.this.copy(), division.expression.copy())
    division.set("this", safe.this)
    division.set("expression", safe.expression)


def _ratio(left: exp.Expr, right: exp.Expr) -> exp.Div:
    divisor = exp.Nullif(this=right, expression=exp.Literal.number(0))
    return exp.Div(this=exp.cast(left, "DOUBLE"), expression=divisor)


def _percent(left: exp.Expr, right: exp.Expr) -> exp.Expr:
    return exp.Mul(this=exp.Literal.number(100), expression=exp.Paren(this=_ratio(left, right)))


def _difference(left: exp.Expr, right: exp.Expr) -> exp.Expr:
    return exp.Sub(this=exp.Paren(this=left), expression=exp.Paren(this=right))


def change_in_percent(now: exp.Expr, before: exp.Expr) -> exp.Expr:
    """Return by how many percent of what was before it is more now."""
    return _percent(_difference(now, before), before.copy())


_FORMULAS: dict[str, Callable[[exp.Expr, exp.Expr], exp.Expr]] = {
    "difference": _difference,
    "ratio": _ratio,
    "percent": _percent,
    "change_pct": change_in_percent,
}
_OPERATORS = {"difference": "minus", "ratio": "to", "percent": "in percent of", "change_pct": "change from"}


def _formula(model: SemanticModel, shape: FormulaShape) -> Figure:
    left, right = get_operand(model, shape.left), get_operand(model, shape.right)
    formula = shape.formula
    units: dict[str, Unit | None] = {"difference": left.item.unit, "ratio": "number"}
    name = f"{_name(shape.left, left)}_{formula.op}_{_name(shape.right, right)}"[:120]
    made = replace(
        left.item,
        name=name,
        kind=Kind.DERIVED,
        data_type=left.item.data_type if formula.op == "difference" else "DOUBLE",
        unit=units.get(formula.op, "percent"),
        label=f"{left.item.label} {_OPERATORS[formula.op]} {right.item.label.lower()}",
    )
    field = f"{formula.op}({left.item.full_name}, {right.item.full_name})"
    return Figure(_as_shown(made, formula), field, left, right, formula, formula)


def _name(shape: MeasureShape, operand: Operand) -> str:
    return shape.measure.name or operand.item.name


def _as_shown(item: Item, shown: Measure | Formula) -> Item:
    """Return a figure's name, type, unit and label, given how it is shown."""
    name, label, unit, data_type = item.name, item.label, item.unit, item.data_type
    if shown.show != "value":
        suffix, words = _SHOWN[shown.show]
        name, label = f"{name}_{suffix}", f"{label}, {words}"
        if shown.show in ("share", "change_pct"):
            unit, data_type = "percent", "DOUBLE"
        elif shown.show == "moving_average":
            data_type = MONEY if data_type == MONEY else "DOUBLE"
    if shown.name:
        name, label = shown.name, shown.name.replace("_", " ").capitalize()
    if name == item.name and unit == item.unit:
        return item
    return replace(item, name=name, label=label, unit=unit, data_type=data_type)


def _aggregate(model: SemanticModel, measure: Measure, where: Node | None) -> tuple[Item, Node | None, Aggregate]:
    field = model.get_item(measure.field or "", ROW_KINDS, role="field of an aggregate")
    other = model.get_item(measure.other, ROW_KINDS, role="field of an aggregate") if measure.other else None
    agg = measure.agg or "avg"
    _require_sense(agg, field, other)
    table = measure.over or model.relations.home(field.table)
    if table not in model.tables or not model.relations.reaches(table, field.table):
        raise InvalidQuery(
            f"{field.full_name} cannot be aggregated over {table}.",
            code="unreachable_field",
            next_action=f"Leave 'over' out, or name a table whose rows belong to one row of {field.table}.",
            details=[{"field": "over", "value": table, "message": "unknown or not related"}],
        )
    prefix = f"p{measure.percentile:g}".replace(".", "_") if agg == "percentile" else agg
    item = Item(
        table=table,
        name=f"{prefix}_{field.name}" + (f"_{other.name}" if other else ""),
        kind=Kind.METRIC,
        data_type=_type_of(agg, field),
        unit=_unit_of(agg, field),
        label=_label(agg, field, other, measure.percentile),
        description="",
        synonyms=(),
        sample_values=(),
        expression=exp.Count(this=exp.Star()) if agg == "count_distinct" else exp.Null(),
    )
    return item, where, Aggregate(agg, field, other, measure.percentile)


def _label(agg: Aggregation, field: Item, other: Item | None, percentile: float | None) -> str:
    if agg == "percentile":
        return f"{percentile:g}th percentile of {field.label.lower()}"
    joined = f" and {other.label.lower()}" if other else ""
    return f"{_LABELS[agg]} {field.label.lower()}{joined}"


def _require_sense(agg: Aggregation, field: Item, other: Item | None) -> None:
    if agg == "count_distinct" or (agg in ("min", "max") and field.data_type != "BOOLEAN"):
        return
    for one in filter(None, (field, other)):
        if family_of(one.data_type) not in ("integer", "decimal", "float"):
            raise _unsafe(f"{one.full_name} is {one.data_type}, not a number: it has no {agg}.", one)
    if agg == "sum" and field.unit in _NOT_ADDED_UP:
        raise _unsafe(f"{field.full_name} is measured in {field.unit}, which must not be added up.", field)


def _unsafe(message: str, field: Item) -> InvalidQuery:
    return InvalidQuery(
        message,
        code="unsafe_aggregation",
        next_action="Ask for its average or median, or count what it describes.",
        details=[{"field": field.full_name, "message": f"is {field.data_type} in {field.unit or 'no unit'}"}],
    )


def _type_of(agg: Aggregation, field: Item) -> str:
    family = family_of(field.data_type)
    if agg == "count_distinct":
        return "BIGINT"
    if agg in ("min", "max"):
        return field.data_type
    if agg in ("stddev", "corr"):
        return "DOUBLE"
    if family == "decimal":
        return MONEY
    return "BIGINT" if agg == "sum" and family == "integer" else "DOUBLE"


def _unit_of(agg: Aggregation, field: Item) -> Unit | None:
    if agg == "count_distinct":
        return "count"
    if agg == "corr" or (field.unit == "count" and agg in ("avg", "median", "stddev", "percentile")):
        return "number"
    return field.unit


def _double(value: exp.Expr) -> exp.Expr:
    return exp.cast(value, "DOUBLE")


def _average(value: exp.Expr, _: exp.Expr | None, aggregate: Aggregate) -> exp.Expr:
    """A mean of money is made exact later; any other is one of doubles on every engine."""
    return exp.Avg(this=value if _type_of("avg", aggregate.field) == MONEY else _double(value))


def _percentile(value: exp.Expr, _: exp.Expr | None, aggregate: Aggregate) -> exp.Expr:
    place = exp.Literal.number(f"{(aggregate.percentile or 0) / 100:.6g}")
    order = exp.Order(expressions=[exp.Ordered(this=value, nulls_first=False)])
    return exp.WithinGroup(this=exp.PercentileCont(this=place), expression=order)


_AGGREGATES: dict[Aggregation, Callable[[exp.Expr, exp.Expr | None, Aggregate], exp.Expr]] = {
    "sum": lambda value, _, __: exp.Sum(this=value),
    "avg": _average,
    "median": lambda value, _, __: exp.Median(this=value),
    "min": lambda value, _, __: exp.Min(this=value),
    "max": lambda value, _, __: exp.Max(this=value),
    "stddev": lambda value, _, __: exp.StddevSamp(this=_double(value)),
    "percentile": _percentile,
    "corr": lambda value, other, _: exp.Corr(this=_double(value), expression=_double(other or exp.null())),
    "count_distinct": lambda value, _, __: exp.Count(this=exp.Distinct(expressions=[value])),
}
