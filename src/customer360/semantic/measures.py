"""What a metric of a query stands for: aggregates of tables' rows, and the formula that makes one figure of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from sqlglot import exp

from customer360.semantic.aggregates import Aggregate, aggregate_value, get_aggregate, require_addable, require_number
from customer360.semantic.definition import Unit
from customer360.semantic.filters import Measure, Show
from customer360.semantic.means import MONEY, money_per
from customer360.semantic.model import METRIC_KINDS, Item, Kind, SemanticModel, dotted
from customer360.semantic.query import Formula
from customer360.semantic.shape import FormulaShape, MeasureShape, MetricShape, Node
from customer360.semantic.source import Source
from customer360.semantic.values import family_of

_SHOWN: dict[Show, tuple[str, str]] = {
    "share": ("share", "share of total"),
    "running_total": ("running_total", "running total"),
    "moving_average": ("moving_average", "moving average"),
    "change": ("change", "change"),
    "change_pct": ("change_pct", "change in percent"),
}


@dataclass(frozen=True)
class Inner:
    """One aggregate over the rows of ``item.table`` that ``where`` keeps."""

    item: Item
    where: Node | None
    aggregate: Aggregate | None = None

    @property
    def rows(self) -> tuple[str, Node | None, str]:
        """Which rows are aggregated: of a table, kept by a filter, and of which table each counts once."""
        return self.item.table, self.where, self.aggregate.each if self.aggregate else ""

    @property
    def is_percentile(self) -> bool:
        return self.aggregate is not None and self.aggregate.agg in ("median", "percentile")


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
    data_type: str
    """The type of the figure itself, however it is shown."""
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
    return Figure(item, operand.item.full_name, operand, None, None, operand.item.data_type, shape.measure)


def get_operand(model: SemanticModel, shape: MeasureShape) -> Operand:
    """Return a measure's aggregates."""
    measure = shape.measure
    if measure.metric is not None:
        metric = model.get_item(measure.metric, METRIC_KINDS, role="metric")
        inners = {name: Inner(item, shape.where) for name, item in model.operands(metric).items()}
        return Operand(metric, inners)
    item, aggregate = get_aggregate(model, measure)
    inner = Inner(item, shape.where, aggregate)
    return Operand(inner.item, {inner.item.full_name: inner})


def aggregated(source: Source, inner: Inner) -> exp.Expr:
    """Return an aggregate as an expression over the rows of ``source``, as its declared type."""
    if inner.aggregate is None:
        return source.aggregate(inner.item)
    return aggregate_value(source, inner.item, inner.aggregate)


def figure_value(figure: Figure, column: Callable[[Inner], exp.Expr]) -> exp.Expr:
    """Return a figure as an expression over the columns that hold its aggregates."""
    left = operand_value(figure.left, column)
    if figure.formula is None or figure.right is None:
        return left
    made = _FORMULAS[figure.formula.op](left, operand_value(figure.right, column))
    return exp.cast(made, figure.data_type, dialect="duckdb")


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
    for one in (left, right):
        require_number(one.item, formula.op)
    unit = left.item.unit if left.item.unit == right.item.unit else "number"
    units: dict[str, Unit | None] = {"difference": unit, "ratio": "number"}
    name = f"{_name(shape.left, left)}_{formula.op}_{_name(shape.right, right)}"[:120]
    made = replace(
        left.item,
        name=name,
        kind=Kind.DERIVED,
        data_type=_common_type(left.item, right.item) if formula.op == "difference" else "DOUBLE",
        unit=units.get(formula.op, "percent"),
        label=f"{left.item.label} {_OPERATORS[formula.op]} {right.item.label.lower()}",
    )
    field = f"{formula.op}({left.item.full_name}, {right.item.full_name})"
    return Figure(_as_shown(made, formula), field, left, right, formula, made.data_type, formula)


def _common_type(left: Item, right: Item) -> str:
    """Return the type that holds the difference of two figures."""
    types, families = {left.data_type, right.data_type}, {family_of(one.data_type) for one in (left, right)}
    return types.pop() if len(types) == 1 else "DOUBLE" if "float" in families else MONEY


def _name(shape: MeasureShape, operand: Operand) -> str:
    return shape.measure.name or operand.item.name


def _as_shown(item: Item, shown: Measure | Formula) -> Item:
    """Return a figure's name, type, unit and label, given how it is shown."""
    name, label, unit, data_type = item.name, item.label, item.unit, item.data_type
    if shown.show != "value":
        require_number(item, shown.show.replace("_", " "))
        if shown.show in ("share", "running_total"):
            require_addable(item)
        suffix, words = _SHOWN[shown.show]
        name, label = f"{name}_{suffix}", f"{label}, {words}"
        if shown.show in ("share", "change_pct"):
            unit, data_type = "percent", "DOUBLE"
        elif shown.show == "moving_average":
            data_type = MONEY if data_type == MONEY else "DOUBLE"
            unit = "number" if unit == "count" else unit
    if shown.name:
        name, label = shown.name, shown.name.replace("_", " ").capitalize()
    return replace(item, name=name, label=label, unit=unit, data_type=data_type)
