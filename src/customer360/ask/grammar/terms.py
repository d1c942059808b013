"""What chunks become: conditions, figures, groups and comparisons, and the small makers of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from dateutil.relativedelta import relativedelta

from customer360.ask.chunks import Chunk
from customer360.ask.dates import Window
from customer360.semantic import AnyOf, Condition, Dimension, Filter, Item, Measure

LONGEST_MONTHS = 12 * 500
WHEN = "when_it_was"
"""Stands for the date of what is asked, until that is known."""

FALLING = ("drop", "decrease", "decline", "fall")
BARE_COMPARATIVES = ("higher", "more", "bigger", "larger", "less", "fewer", "lower")
"""Comparatives that say which of two has more of what follows, not what it is held against."""

MIRRORED = {">": "<", "<": ">", ">=": "<=", "<=": ">="}
INVERTED = {">": "<=", "<": ">=", ">=": "<", "<=": ">", "=": "!=", "!=": "="}


@dataclass(frozen=True)
class Cmp:
    """A comparison with numbers whose field is still to be found."""

    op: str
    values: tuple[float, ...]
    unit: str


@dataclass(frozen=True)
class Cond:
    """A condition on rows; ``item`` is the field, ``values`` what it is held against where these are values."""

    filter: Filter
    item: Item
    values: tuple[Any, ...] = ()
    negated: bool = False
    separate: bool = False
    """Each value asks for a row of its own: "both Travel and Dining"."""
    never: bool = False
    """Whether what must not be was said to never have been done."""
    only: bool = False
    """Whether nothing else may have been done: who bought only online."""


@dataclass(frozen=True)
class Figure:
    """A measure: what to ask for, over the rows of which table, and the item that tells its unit and label."""

    measure: str | Measure
    table: str
    item: Item
    agg: str = ""
    of: Item | None = None
    """The metric whose mean was asked for."""


@dataclass(frozen=True)
class Held:
    """A condition on a measure."""

    figure: Figure
    op: str
    values: tuple[Any, ...]
    filters: tuple[Filter, ...] = ()
    average: bool = False
    agg: str = "avg"
    """Which mean it is held against, where it is: ``avg`` or ``median``."""
    times: float = 1.0
    by: tuple[str, ...] = ()
    overall: bool = False
    """Whether the average is that of all rows, not of the groups."""
    counted: tuple[Chunk, Chunk] | None = None
    """What was counted and the comparison beside it, which may belong to something else."""


@dataclass(frozen=True)
class Bands:
    """Classes of a number that were listed: under 30, 30 to 44, 45 and over."""

    bounds: tuple[float, ...]
    within: tuple[Cmp, ...]
    """What keeps the numbers that no class was listed for out."""
    is_above: bool = False
    """Whether the last class begins behind its bound: over 50 after 30 to 50."""


@dataclass(frozen=True)
class Lacked:
    """A window in which something was not done that was done in another one."""

    window: Window
    filters: tuple[Filter, ...] | None = None
    """What was not done, where it is another thing."""
    anything: bool = False
    """Whether "nothing" was said, which may be less than what was done."""


@dataclass(frozen=True)
class Groups:
    """What the answer is broken down by."""

    dimensions: tuple[Dimension, ...]
    table: str = ""
    """The table each of whose rows is a group, where one was named instead of a field."""
    within: tuple[str, ...] = ()
    """The fields inside of whose values the others are split."""


@dataclass(frozen=True)
class Sorting:
    """An order that is asked for: by what, and which end comes first; either may be left unsaid."""

    by: Chunk | None = None
    descending: bool | None = None
    by_name: bool = False
    """Whether the order is that of the alphabet."""
    best: bool | None = None
    """Whether the best comes first, or the worst, which is the most of what is a risk."""


def sorting_of(by: Chunk | None, said: Sequence[Chunk]) -> Sorting:
    """Return the order by what was named, in the direction that the words beside it say."""
    told = next((one.data for one in said if one.kind == "DIR"), None)
    if told is None and any("descending" in one.text.casefold() for one in said):
        told = "desc"
    if told in ("best", "worst"):
        return Sorting(by, best=told == "best")
    return Sorting(by, None if told is None else told == "desc", told == "name")


def number(value: float) -> int | Decimal:
    """Return a number as a query takes it, exactly as it was written."""
    return int(value) if float(value).is_integer() else Decimal(repr(value))


def value_filter(item: Item, values: Sequence[Any], *, negated: bool = False) -> Filter:
    """Return the condition that a field has one of some values, or none of them."""
    if len(values) == 1:
        return Condition(field=item.full_name, op="!=" if negated else "=", value=values[0])
    return Condition(field=item.full_name, op="not_in" if negated else "in", values=tuple(values))


def value_cond(item: Item, values: Sequence[Any], *, negated: bool = False, separate: bool = False) -> Cond:
    """Return that condition with what it is about."""
    return Cond(value_filter(item, values, negated=negated), item, tuple(values), negated, separate)


def compare_filter(item: Item, op: str, values: Sequence[float]) -> Filter:
    """Return the comparison of a field with numbers."""
    if op == "between":
        return Condition(field=item.full_name, op="between", values=tuple(number(value) for value in values))
    return Condition.model_validate({"field": item.full_name, "op": op, "value": number(values[0])})


def fits_unit(item: Item, unit: str) -> bool:
    return not unit or (
        (item.unit == "currency") == (unit == "money") and (unit != "percent" or item.unit in ("percent", "score"))
    )


@dataclass(frozen=True)
class Duration:
    """A length of time and how it is compared."""

    op: str
    count: float
    unit: str

    def days(self) -> float:
        """Return it in days."""
        return self.count * {"day": 1, "week": 7, "month": 30, "quarter": 91, "year": 365}[self.unit]

    def months(self) -> float:
        """Return it in months."""
        return self.count * {"day": 1 / 30, "week": 7 / 30, "month": 1, "quarter": 3, "year": 12}[self.unit]

    def before(self, day: date) -> date:
        """Return the day that lies so long before another."""
        unit = {"day": "days", "week": "weeks", "month": "months", "quarter": "months", "year": "years"}[self.unit]
        return day - relativedelta(**{unit: int(self.count) * (3 if self.unit == "quarter" else 1)})  # type: ignore[arg-type]


def is_none_of(held: Held) -> bool:
    """Tell whether a condition on a measure is that there is none of it."""
    return held.op == "=" and held.values == (0,) and not held.average


def either(item: Item, bounds: Sequence[Cmp]) -> Cond:
    """Return the condition that a field is within one of two bounds."""
    trees = [compare_filter(item, one.op, one.values) for one in bounds]
    return Cond(AnyOf.model_validate({"or": trees}), item)


def as_cond(chunk: Chunk) -> Cond:
    """Return the condition that a chunk is."""
    if chunk.kind == "VALUE":
        return value_cond(chunk.data.item, chunk.data.values)
    cond: Cond = chunk.data
    return cond
