"""Aggregates of fields that the model has no metric for: their names, whether they make sense, their expressions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from sqlglot import exp

from customer360.errors import InvalidQuery
from customer360.semantic.definition import Unit
from customer360.semantic.filters import Aggregation, Measure
from customer360.semantic.means import MONEY, exact_means
from customer360.semantic.model import ROW_KINDS, Item, Kind, SemanticModel
from customer360.semantic.query import digits
from customer360.semantic.relations import finest
from customer360.semantic.source import Source, zero_filled
from customer360.semantic.values import family_of

_NOT_ADDED_UP = frozenset({"percent", "score", "years", "months", "days"})
_NUMBERS = frozenset({"integer", "decimal", "float"})
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


@dataclass(frozen=True)
class Aggregate:
    """An aggregate of a field, or of two."""

    agg: Aggregation
    field: Item
    other: Item | None
    percentile: float | None
    each: str = ""
    """The table of which each row counts once in a group; empty where all rows count."""


def get_aggregate(model: SemanticModel, measure: Measure) -> tuple[Item, Aggregate]:
    """Return what an aggregate is called and which it is.

    Raises:
        InvalidQuery: a name is unknown, or the aggregate makes no sense for its field.
    """
    field = model.get_item(measure.field or "", ROW_KINDS, role="field of an aggregate")
    other = model.get_item(measure.other, ROW_KINDS, role="field of an aggregate") if measure.other else None
    agg = measure.agg or "avg"
    _require_sense(agg, field, other)
    prefix = f"p{digits(measure.percentile or 0)}".replace(".", "_") if agg == "percentile" else agg
    item = Item(
        table=_table(model, measure, field, other),
        name=f"{prefix}_{field.name}" + (f"_{other.name}" if other else ""),
        kind=Kind.METRIC,
        data_type=_type_of(agg, field),
        unit=_unit_of(agg, field),
        label=_label(agg, field, other, measure.percentile),
        description="",
        synonyms=(),
        sample_values=(),
        expression=_COUNTING.get(agg, exp.Null()),
    )
    each = model.relations.home(field.table) if measure.each else ""
    return item, Aggregate(agg, field, other, measure.percentile, each)


def aggregate_value(source: Source, item: Item, aggregate: Aggregate) -> exp.Expr:
    """Return an aggregate as an expression over the rows of ``source``, as its declared type."""
    other = source.value(aggregate.other) if aggregate.other else None
    return aggregate_of(source.value(aggregate.field), other, item, aggregate)


def aggregate_of(value: exp.Expr, other: exp.Expr | None, item: Item, aggregate: Aggregate) -> exp.Expr:
    """Return an aggregate of expressions, as its declared type."""
    made = _AGGREGATES[aggregate.agg](value, other, aggregate)
    if item.data_type == MONEY:
        made = exact_means(made)
    if aggregate.agg == "sum":
        made = zero_filled(item, made)
    return exp.cast(made, item.data_type, dialect="duckdb")


def percentile_of(value: exp.Expr, place: float) -> exp.Expr:
    """Return what so many percent of the values lie up to, between two of them where the place does."""
    share = exp.Literal.number(format(Decimal(repr(place)) / 100, "f"))
    order = exp.Order(expressions=[exp.Ordered(this=value, nulls_first=False)])
    return exp.WithinGroup(this=exp.PercentileCont(this=share), expression=order)


def require_number(item: Item, purpose: str) -> None:
    """Refuse what cannot be calculated with."""
    if family_of(item.data_type) not in _NUMBERS:
        raise _unsafe(f"{item.full_name} is {item.data_type}, not a number: it has no {purpose}.", item)


def require_addable(item: Item) -> None:
    """Refuse what gives no sense when it is added up, such as percentages."""
    if item.unit in _NOT_ADDED_UP:
        raise _unsafe(f"{item.full_name} is measured in {item.unit}, which must not be added up.", item)


def _table(model: SemanticModel, measure: Measure, field: Item, other: Item | None) -> str:
    """Return the table whose rows are aggregated."""
    homes = [model.relations.home(one.table) for one in (field, other) if one]
    table = measure.over or finest(model.relations, homes)
    if table not in model.tables or not all(model.relations.reaches(table, home) for home in homes):
        raise InvalidQuery(
            f"{field.full_name} cannot be aggregated over {table}.",
            code="unreachable_field",
            next_action=f"Leave 'over' out, or name a table whose rows belong to one row of {field.table}.",
            details=[{"field": "over", "value": table, "message": "unknown or not related"}],
        )
    if measure.agg == "sum" and table != homes[0] and not measure.each:
        raise InvalidQuery(
            f"Over {table}, {field.full_name} would be added up more than once.",
            code="unsafe_aggregation",
            next_action="Leave 'over' out.",
            details=[{"field": "over", "value": table, "message": f"finer than {homes[0]}"}],
        )
    return table


def _label(agg: Aggregation, field: Item, other: Item | None, percentile: float | None) -> str:
    if agg == "percentile":
        return f"{_ordinal(percentile or 0)} percentile of {field.label.lower()}"
    joined = f" and {other.label.lower()}" if other else ""
    return f"{_LABELS[agg]} {field.label.lower()}{joined}"


def _ordinal(number: float) -> str:
    text = digits(number)
    teens = text[-2:] in ("11", "12", "13")
    return text + ("th" if teens or "." in text else {"1": "st", "2": "nd", "3": "rd"}.get(text[-1], "th"))


def _require_sense(agg: Aggregation, field: Item, other: Item | None) -> None:
    if agg == "count_distinct" or (agg in ("min", "max") and field.data_type != "BOOLEAN"):
        return
    for one in filter(None, (field, other)):
        require_number(one, agg)
    if agg == "sum":
        require_addable(field)


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


def _correlation(value: exp.Expr, other: exp.Expr | None, _: Aggregate) -> exp.Expr:
    """What does not vary has no correlation: no value on either engine, where DuckDB says NaN."""
    made = exp.Corr(this=_double(value), expression=_double(other or exp.null()))
    return exp.Nullif(this=made, expression=_double(exp.Literal.string("NaN")))


_AGGREGATES: dict[Aggregation, Callable[[exp.Expr, exp.Expr | None, Aggregate], exp.Expr]] = {
    "sum": lambda value, _, __: exp.Sum(this=value),
    "avg": _average,
    "median": lambda value, _, __: exp.Median(this=value),
    "min": lambda value, _, __: exp.Min(this=value),
    "max": lambda value, _, __: exp.Max(this=value),
    "stddev": lambda value, _, __: exp.StddevSamp(this=_double(value)),
    "percentile": lambda value, _, aggregate: percentile_of(value, aggregate.percentile or 0),
    "corr": _correlation,
    "count_distinct": lambda value, _, __: exp.Count(this=exp.Distinct(expressions=[value])),
}
_COUNTING: dict[Aggregation, exp.Expr] = {
    "count_distinct": exp.Count(this=exp.Star()),
    "sum": exp.Sum(this=exp.Null()),
}
"""What tells ``Item.counts`` that nothing to count is zero; the expression itself is made for each source."""
