"""What is asked: metrics by dimensions, or a list of rows; filters, order and limit. No SQL, no engine.

A filter is a tree. Leaves compare a field with values; a row whose field is empty fits no comparison, ``!=`` and
``not_in`` included (as in SQL). ``not`` keeps exactly the rows that its inner filter drops, so a filter and its ``not``
together always make up the whole. Text is compared exactly, but ``contains`` and ``starts_with`` ignore case.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    ValidationError,
    model_validator,
)

from customer360.errors import InvalidQuery

DEFAULT_LIMIT = 1000
MAX_LIMIT = 50_000
MAX_OFFSET = 1_000_000
MAX_NAMES = 200
MAX_VALUES = 10_000
MAX_DEPTH = 20
MAX_CONDITIONS = 200

FieldName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)?$", max_length=260)]
Grain = Literal["day", "week", "month", "quarter", "year"]
Operator = Literal[
    "=", "!=", "<", "<=", ">", ">=", "in", "not_in", "between", "contains", "starts_with", "is_null", "is_not_null"
]
Scalar = str | bool | int | float | Decimal | datetime | date

_MANY = frozenset({"in", "not_in", "between"})
_NONE = frozenset({"is_null", "is_not_null"})


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, serialize_by_alias=True)


class Condition(_Part):
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


def _values_fault(condition: Condition) -> str:
    op, one, many = condition.op, condition.value is not None, condition.values is not None
    if op in _NONE:
        return f"{op} takes no value" if one or many else ""
    if op in _MANY and (one or not condition.values):
        return f"{op} takes a list under 'values'"
    if op not in _MANY and (many or not one):
        return f"{op} takes one value under 'value'; to ask for empty fields use is_null"
    return "between takes two values" if op == "between" and len(condition.values or ()) != 2 else ""


class AllOf(_Part):
    """Keeps the rows that fit every part."""

    parts: tuple[Filter, ...] = Field(alias="and", min_length=1)


class AnyOf(_Part):
    """Keeps the rows that fit at least one part."""

    parts: tuple[Filter, ...] = Field(alias="or", min_length=1)


class Negation(_Part):
    """Keeps the rows that the inner filter drops."""

    part: Filter = Field(alias="not")


def _tag(value: Any) -> str:
    """Tell which kind of filter a value is, by the key that only this kind has."""
    if isinstance(value, Mapping):
        return next((key for key in ("and", "or", "not") if key in value), "condition")
    kinds: dict[type, str] = {AllOf: "and", AnyOf: "or", Negation: "not"}
    return kinds.get(type(value), "condition")


Filter = Annotated[
    Annotated[Condition, Tag("condition")]
    | Annotated[AllOf, Tag("and")]
    | Annotated[AnyOf, Tag("or")]
    | Annotated[Negation, Tag("not")],
    Discriminator(_tag),
]


class Dimension(_Part):
    """A dimension to group by; dates may be rounded to a grain, weeks start on Monday."""

    name: FieldName
    grain: Grain | None = None

    def __str__(self) -> str:
        return f"{self.name}:{self.grain}" if self.grain else self.name


class Order(_Part):
    """A column of the answer to sort by; empty values come last in either direction."""

    by: Annotated[str, StringConstraints(min_length=1, max_length=300)]
    descending: bool = False

    def __str__(self) -> str:
        return f"-{self.by}" if self.descending else self.by


def _read_dimension(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    name, colon, grain = value.strip().partition(":")
    return {"name": name, "grain": grain} if colon else {"name": name}


def _read_order(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return {"by": value.strip().removeprefix("-"), "descending": value.strip().startswith("-")}


DimensionLike = Annotated[Dimension, BeforeValidator(_read_dimension)]
OrderLike = Annotated[Order, BeforeValidator(_read_order)]


def _check_size(tree: Filter | None) -> Filter | None:
    """Refuse a tree too deep or too large to be written by somebody who means it."""
    depth, level, conditions = 0, [tree] if tree else [], 0
    while level:
        depth, conditions = depth + 1, conditions + sum(isinstance(node, Condition) for node in level)
        level = [part for node in level for part in parts_of(node)]
    if depth > MAX_DEPTH or conditions > MAX_CONDITIONS:
        raise ValueError(f"a filter has at most {MAX_DEPTH} levels and {MAX_CONDITIONS} conditions")
    return tree


def parts_of(node: Filter) -> tuple[Filter, ...]:
    """Return the filters directly inside a filter."""
    if isinstance(node, Condition):
        return ()
    return (node.part,) if isinstance(node, Negation) else node.parts


class SemanticQuery(_Part):
    """One question: either ``metrics`` and ``dimensions``, or ``fields`` for a list of rows."""

    metrics: tuple[FieldName, ...] = Field(default=(), max_length=MAX_NAMES)
    dimensions: tuple[DimensionLike, ...] = Field(default=(), max_length=MAX_NAMES)
    fields: tuple[DimensionLike, ...] = Field(default=(), max_length=MAX_NAMES)
    filters: Annotated[Filter | None, AfterValidator(_check_size)] = None
    having: Annotated[Filter | None, AfterValidator(_check_size)] = None
    order: tuple[OrderLike, ...] = Field(default=(), max_length=MAX_NAMES)
    limit: int = Field(default=DEFAULT_LIMIT, ge=1, le=MAX_LIMIT, strict=True)
    offset: int = Field(default=0, ge=0, le=MAX_OFFSET, strict=True)
    """Rows to leave out before the first; pages are stable where ``order`` tells every row from every other."""

    @model_validator(mode="after")
    def _check_kind(self) -> SemanticQuery:
        if self.fields and (self.metrics or self.dimensions):
            raise ValueError("fields lists rows and cannot be combined with metrics or dimensions")
        if not (self.fields or self.metrics or self.dimensions):
            raise ValueError("ask for at least one metric, dimension or field")
        if self.fields and self.having is not None:
            raise ValueError("having filters groups by a metric; a list of rows has filters only")
        return self


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
