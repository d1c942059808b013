"""Filters: trees of comparisons that keep rows, or groups.

Leaves compare a field with values; a row whose field is empty fits no comparison, ``!=`` and ``not_in`` included (as in
SQL). ``not`` keeps exactly the rows that its inner filter drops, so a filter and its ``not`` together always make up
the whole. Text is compared exactly, but ``contains`` and ``starts_with`` ignore case. Three leaves compare with what
is in the data instead of with a value: ``Relative`` with another field or a mean, ``RowsCondition`` by the rows that
belong to a customer (or to whatever ``of`` names), ``Among`` with the values that a measure puts first.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    model_validator,
)

MAX_NAMES = 200
MAX_LIMIT = 50_000
MAX_VALUES = 10_000
MAX_DEPTH = 20
MAX_CONDITIONS = 200

FieldName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)?$", max_length=260)]
Operator = Literal[
    "=", "!=", "<", "<=", ">", ">=", "in", "not_in", "between", "contains", "starts_with", "is_null", "is_not_null"
]
Comparator = Literal["=", "!=", "<", "<=", ">", ">="]
Aggregation = Literal["sum", "avg", "median", "min", "max", "stddev", "percentile", "corr", "count_distinct"]
Scalar = str | bool | int | float | Decimal | datetime | date

Show = Literal["value", "share", "running_total", "moving_average", "change", "change_pct"]
ColumnName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_]\w*$", max_length=128)]

_NO_PERCENTILE = "percentile needs its number"
_MANY = frozenset({"in", "not_in", "between"})
_NONE = frozenset({"is_null", "is_not_null"})


class Part(BaseModel):
    """Base of every part of a query: unknown keys refused, values fixed."""

    model_config = ConfigDict(extra="forbid", frozen=True, serialize_by_alias=True)


class Condition(Part):
    """One comparison: ``value`` for one value, ``values`` for ``in``, ``not_in`` and ``between`` (with both ends)."""

    field: FieldName
    op: Operator
    value: Scalar | None = None
    values: tuple[Scalar, ...] | None = Field(default=None, max_length=MAX_VALUES)

    @model_validator(mode="after")
    def _check_values(self) -> Condition:
        if fault := _values_fault(self):
            raise ValueError(fault)
        return self

    def given(self) -> tuple[Scalar, ...]:
        """Return the values in the order in which they are bound."""
        if self.values is not None:
            return self.values
        return () if self.value is None else (self.value,)


def _values_fault(condition: Condition | RowsCondition) -> str:
    op, one, many = condition.op, condition.value is not None, condition.values is not None
    if op in _NONE:
        return f"{op} takes no value" if one or many else ""
    if op in _MANY and (one or not condition.values):
        return f"{op} takes a list under 'values'"
    if op not in _MANY and (many or not one):
        return f"{op} takes one value under 'value'; to ask for empty fields use is_null"
    return "between takes two values" if op == "between" and len(condition.values or ()) != 2 else ""


class Benchmark(Part):
    """The mean, the median or a percentile of the compared field over all rows, or over those that agree in ``by``.

    Rows agree where a field is empty in both, as they do in groups. ``percentile`` lies between 0 and 100.
    """

    agg: Literal["avg", "median", "percentile"] = "avg"
    percentile: float | None = Field(default=None, ge=0, le=100)
    by: tuple[FieldName, ...] = Field(default=(), max_length=MAX_NAMES)
    overall: bool = False
    """Whether a metric of groups is compared with itself over the rows of them all, not with the mean of the groups."""

    @model_validator(mode="after")
    def _check_overall(self) -> Benchmark:
        if self.overall and (self.by or self.agg != "avg"):
            raise ValueError("overall goes with agg: avg, and without by")
        if (self.agg == "percentile") != (self.percentile is not None):
            raise ValueError(_NO_PERCENTILE)
        return self


class Relative(Part):
    """One comparison with another field of the same row, or with a benchmark, multiplied by ``times``."""

    field: FieldName
    op: Comparator
    than: Annotated[
        Annotated[FieldName, Tag("name")] | Annotated[Benchmark, Tag("benchmark")],
        Discriminator(lambda value: "name" if isinstance(value, str) else "benchmark"),
    ]
    times: float = Field(default=1.0, allow_inf_nan=False)


class Measure(Part):
    """A metric of the model, or an aggregate of a field, over the rows that ``where`` keeps.

    ``over`` names the table whose rows are aggregated where that is not the field's own. ``percentile`` lies between 0
    and 100, ``other`` is the second field of ``corr``.
    """

    metric: FieldName | None = None
    agg: Aggregation | None = None
    field: FieldName | None = None
    other: FieldName | None = None
    percentile: float | None = Field(default=None, ge=0, le=100)
    over: FieldName | None = None
    each: bool = False
    """Whether, ``over`` finer rows, each row that holds the field counts once in a group, however many point at it."""
    where: Filter | None = None
    show: Show = "value"
    within: tuple[FieldName, ...] = Field(default=(), max_length=MAX_NAMES)
    """For ``share``: the dimensions inside which the shares make up 100."""
    span: int = Field(default=3, ge=2, le=1000)
    """For ``moving_average``: the number of periods."""
    name: ColumnName | None = Field(default=None, alias="as")

    @model_validator(mode="after")
    def _check_kind(self) -> Measure:
        if fault := _measure_fault(self):
            raise ValueError(fault)
        check_size(self.where)
        return self


def _measure_fault(measure: Measure) -> str:
    if (measure.metric is None) == (measure.agg is None):
        return "a measure is either a metric or an agg of a field"
    if (measure.agg is None) != (measure.field is None) or (measure.over and measure.agg is None):
        return "agg and field go together, and over with them"
    if measure.each and not measure.over:
        return "each goes with over"
    if measure.within and measure.show != "share":
        return "within goes with show: share"
    if (measure.agg == "corr") != (measure.other is not None):
        return "corr, and nothing else, needs an other field"
    return _NO_PERCENTILE if (measure.agg == "percentile") != (measure.percentile is not None) else ""


_CALL = re.compile(r"\s*(\w+)\s*\(\s*([\w.]+)\s*(?:,\s*([\w.]+)\s*)?\)\s*")


def read_call(value: Any) -> Any:
    """Read ``median(age)``, ``percentile(age, 95)`` and ``corr(age, lifetime_value)`` as the aggregates they name."""
    called = _CALL.fullmatch(value) if isinstance(value, str) else None
    if not called:
        return value
    second = "percentile" if called[1] == "percentile" else "other"
    return {"agg": called[1], "field": called[2]} | ({second: called[3]} if called[3] else {})


MeasureLike = Annotated[
    Annotated[FieldName, Tag("name")] | Annotated[Measure, Tag("measure")],
    Discriminator(lambda value: "name" if isinstance(value, str) else "measure"),
    BeforeValidator(read_call),
]


class RowsCondition(Part):
    """Keeps what has rows of which a measure fits: ``{"measure": "transaction_count", "op": ">", "value": 5}``.

    The rows are those that belong to the same row of ``of`` (the table of what is kept, unless given); what belongs to
    no row of it fits no comparison.
    """

    measure: MeasureLike
    op: Operator
    of: FieldName | None = None
    value: Scalar | None = None
    values: tuple[Scalar, ...] | None = Field(default=None, max_length=MAX_VALUES)

    @model_validator(mode="after")
    def _check_values(self) -> RowsCondition:
        if fault := _values_fault(self):
            raise ValueError(fault)
        return self


class Top(Part):
    """The groups that come first: so many of them, or so many percent of all, rounded up."""

    rows: int | None = Field(default=None, ge=1, le=MAX_LIMIT, strict=True)
    percent: float | None = Field(default=None, gt=0, le=100)

    @model_validator(mode="after")
    def _check_one(self) -> Top:
        if (self.rows is None) == (self.percent is None):
            raise ValueError("top has rows or percent, and only one of them")
        return self


class Among(Part):
    """Keeps the rows whose field has one of the values that a measure puts first, as the ten merchants of most spend.

    ``{"field": "merchant_name", "among": {"rows": 10}, "by": "total_spend"}``. Which values come first depends on the
    measure and its own filter alone, whatever else is kept; names decide between equal figures, and a value without a
    figure is none of them.
    """

    field: FieldName
    among: Top
    by: MeasureLike
    lowest: bool = False
    """Whether the lowest figures come first."""


class AllOf(Part):
    """Keeps the rows that fit every part."""

    parts: tuple[Filter, ...] = Field(alias="and", min_length=1)


class AnyOf(Part):
    """Keeps the rows that fit at least one part."""

    parts: tuple[Filter, ...] = Field(alias="or", min_length=1)


class Negation(Part):
    """Keeps the rows that the inner filter drops."""

    part: Filter = Field(alias="not")


def _tag(value: Any) -> str:
    """Tell which kind of filter a value is, by the key that only this kind has."""
    if isinstance(value, Mapping):
        return next((key for key in ("and", "or", "not", "than", "measure", "among") if key in value), "condition")
    kinds: dict[type, str] = {
        AllOf: "and",
        AnyOf: "or",
        Negation: "not",
        Relative: "than",
        RowsCondition: "measure",
        Among: "among",
    }
    return kinds.get(type(value), "condition")


Filter = Annotated[
    Annotated[Condition, Tag("condition")]
    | Annotated[Relative, Tag("than")]
    | Annotated[RowsCondition, Tag("measure")]
    | Annotated[Among, Tag("among")]
    | Annotated[AllOf, Tag("and")]
    | Annotated[AnyOf, Tag("or")]
    | Annotated[Negation, Tag("not")],
    Discriminator(_tag),
]


def check_size(tree: Filter | None) -> Filter | None:
    """Refuse a tree too deep or too large to be written by somebody who means it."""
    check_sizes([tree] if tree else [])
    return tree


def check_sizes(trees: Sequence[Filter]) -> None:
    """Refuse trees that are too deep, or too large together."""
    depth, level, conditions = 0, list(trees), 0
    while level:
        depth, conditions = depth + 1, conditions + sum(not parts_of(node) for node in level)
        level = [part for node in level for part in (*parts_of(node), *_rows_of(node))]
    if depth > MAX_DEPTH or conditions > MAX_CONDITIONS:
        raise ValueError(f"a filter has at most {MAX_DEPTH} levels and {MAX_CONDITIONS} conditions")


def _rows_of(node: Filter) -> tuple[Filter, ...]:
    """Return the filter on the rows that a measure in a condition is of."""
    measure = node.measure if isinstance(node, RowsCondition) else node.by if isinstance(node, Among) else None
    where = measure.where if isinstance(measure, Measure) else None
    return (where,) if where is not None else ()


def parts_of(node: Filter) -> tuple[Filter, ...]:
    """Return the filters directly inside a filter."""
    if isinstance(node, Negation):
        return (node.part,)
    return node.parts if isinstance(node, AllOf | AnyOf) else ()
