"""What is asked: metrics by dimensions, or a list of rows; filters, order and limit. No SQL, no engine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    ValidationError,
    model_validator,
)

from customer360.errors import InvalidQuery
from customer360.semantic.filters import (
    MAX_LIMIT,
    MAX_NAMES,
    ColumnName,
    FieldName,
    Filter,
    Measure,
    MeasureLike,
    Part,
    Show,
    Top,
    check_size,
    check_sizes,
    read_call,
)

DEFAULT_LIMIT = 1000
MAX_OFFSET = 1_000_000
BAR = "|"

Grain = Literal["day", "week", "month", "quarter", "year"]


class Dimension(Part):
    """A dimension to group by; dates may be rounded to a grain (weeks start on Monday), numbers put into classes."""

    name: FieldName
    grain: Grain | None = None
    bin: float | None = Field(default=None, ge=1e-6, le=1e15)
    """Width of the classes into which numbers fall; each is named by its lower bound."""
    bounds: tuple[Annotated[float, Field(ge=-1e15, le=1e15)], ...] = Field(default=(), max_length=MAX_NAMES)
    """Lower bounds of classes of any width, rising; what lies below the first bound is in the first class too."""

    @model_validator(mode="after")
    def _check_kind(self) -> Dimension:
        if bool(self.grain) + bool(self.bin) + bool(self.bounds) > 1:
            raise ValueError("a dimension has a grain, a bin or bounds, and only one of them")
        if any(high <= low for low, high in pairwise(self.bounds)) or len(self.bounds) == 1:
            raise ValueError("bounds are two numbers or more, each above the one before")
        return self

    @property
    def rounded(self) -> str:
        """The grain, the width of the classes with all its digits, or their bounds with a bar between them."""
        return self.grain or (digits(self.bin) if self.bin else BAR.join(digits(one) for one in self.bounds))

    def __str__(self) -> str:
        return f"{self.name}:{self.rounded}" if self.rounded else self.name


def digits(number: float) -> str:
    """Return a number with all its digits, without an exponent."""
    return format(Decimal(repr(number)).normalize(), "f")


class Order(Part):
    """A column of the answer to sort by; empty values come last in either direction."""

    by: Annotated[str, StringConstraints(min_length=1, max_length=300)]
    descending: bool = False

    def __str__(self) -> str:
        return f"-{self.by}" if self.descending else self.by


def _read_dimension(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    name, colon, rounded = value.strip().partition(":")
    if not colon:
        return {"name": name}
    if BAR in rounded:
        return {"name": name, "bounds": rounded.split(BAR)}
    return {"name": name, "bin": rounded} if rounded[:1].isdigit() else {"name": name, "grain": rounded}


def _read_order(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return {"by": value.strip().removeprefix("-"), "descending": value.strip().startswith("-")}


DimensionLike = Annotated[Dimension, BeforeValidator(_read_dimension)]
OrderLike = Annotated[Order, BeforeValidator(_read_order)]


class Formula(Part):
    """Two measures put together: ``left - right``, ``left / right``, that in percent, or the change from right to left.

    A zero or missing divisor gives an empty value.
    """

    op: Literal["difference", "ratio", "percent", "change_pct"]
    left: MeasureLike
    right: MeasureLike
    show: Show = "value"
    name: ColumnName | None = Field(default=None, alias="as")


def _kind_of_metric(value: Any) -> str:
    if isinstance(value, str):
        return "name"
    is_formula = "op" in value if isinstance(value, Mapping) else isinstance(value, Formula)
    return "formula" if is_formula else "measure"


MetricLike = Annotated[
    Annotated[FieldName, Tag("name")] | Annotated[Measure, Tag("measure")] | Annotated[Formula, Tag("formula")],
    Discriminator(_kind_of_metric),
    BeforeValidator(read_call),
]
Summary = Literal["count", "avg", "median", "min", "max", "sum", "share_of_top"]


class TopPer(Part):
    """Keeps the first rows, in the order of the query, of each group of rows that agree in the columns ``by``."""

    by: tuple[DimensionLike, ...] = Field(min_length=1, max_length=MAX_NAMES)
    rows: int = Field(default=1, ge=1, le=MAX_LIMIT, strict=True)


class SemanticQuery(Part):
    """One question: either ``metrics`` and ``dimensions``, or ``fields`` for a list of rows."""

    metrics: tuple[MetricLike, ...] = Field(default=(), max_length=MAX_NAMES)
    dimensions: tuple[DimensionLike, ...] = Field(default=(), max_length=MAX_NAMES)
    fields: tuple[DimensionLike, ...] = Field(default=(), max_length=MAX_NAMES)
    filters: Annotated[Filter | None, AfterValidator(check_size)] = None
    having: Annotated[Filter | None, AfterValidator(check_size)] = None
    order: tuple[OrderLike, ...] = Field(default=(), max_length=MAX_NAMES)
    limit: int = Field(default=DEFAULT_LIMIT, ge=1, le=MAX_LIMIT, strict=True)
    offset: int = Field(default=0, ge=0, le=MAX_OFFSET, strict=True)
    """Rows to leave out before the first; pages are stable where ``order`` tells every row from every other."""
    top_per: TopPer | None = None
    summary: Summary | None = None
    """One figure of the groups instead of the groups: their number, or an aggregate of the only metric over them."""
    top: Top | None = None
    """The groups whose share of the whole ``share_of_top`` is, or that another summary is of."""

    @model_validator(mode="after")
    def _check_kind(self) -> SemanticQuery:
        if self.fields and (self.metrics or self.dimensions):
            raise ValueError("fields lists rows and cannot be combined with metrics or dimensions")
        if not (self.fields or self.metrics or self.dimensions):
            raise ValueError("ask for at least one metric, dimension or field")
        if self.fields and self.having is not None:
            raise ValueError("having filters groups by a metric; a list of rows has filters only")
        if self.summary and (
            self.fields or self.order or self.top_per or (self.summary != "count" and len(self.metrics) != 1)
        ):
            raise ValueError("summary sums up groups by their only metric, without an order")
        needs_top, takes_top = self.summary == "share_of_top", self.summary not in (None, "count")
        if (needs_top and not self.top) or (self.top and not takes_top):
            raise ValueError("share_of_top needs a top; a top is for a summary of figures")
        if self.summary and not self.dimensions:
            raise ValueError("summary sums up groups, so name the dimensions of the groups")
        check_sizes(list(self._measures_filters()))
        return self

    def _measures_filters(self) -> Iterator[Filter]:
        for metric in self.metrics:
            for one in (metric.left, metric.right) if isinstance(metric, Formula) else (metric,):
                if isinstance(one, Measure) and one.where is not None:
                    yield one.where


def build_query(content: Mapping[str, Any] | None = None, /, **parts: Any) -> SemanticQuery:
    """Return the query that a mapping, or keyword arguments, describe.

    Raises:
        InvalidQuery: with one detail for each fault.
    """
    try:
        return SemanticQuery.model_validate({**(content or {}), **parts})
    except ValidationError as error:
        raise _explain(error) from error
    except RecursionError as error:
        raise InvalidQuery("The filter is nested too deep.", next_action="Write it flatter.") from error


def _explain(error: ValidationError) -> InvalidQuery:
    faults: Sequence[Any] = error.errors(include_url=False, include_context=False)
    named = [(".".join(str(part) for part in fault["loc"]), fault) for fault in faults]
    where, first = named[0]
    return InvalidQuery(
        f"The query does not fit: {where + ': ' if where else ''}{first['msg'].removeprefix('Value error, ')}.",
        next_action=f"See the fields of SemanticQuery: {', '.join(SemanticQuery.model_fields)}.",
        details=[{"field": where, "value": _shown(fault["input"]), "message": fault["msg"]} for where, fault in named],
    )


def _shown(value: Any) -> Any:
    """Return a plain value as it is, and of anything else the first characters."""
    return value if value is None or isinstance(value, (bool, int, float)) else str(value)[:80]
