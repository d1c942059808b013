"""What a question was read as, before it becomes a query: all that later stages see, and what others may propose.

It keeps windows of time apart from other conditions, so that a follow-up can move them, and clauses about a customer's
own rows ("who bought online in May", "with more than 5 declines") apart from conditions on the customer.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from customer360.ask.dates import Window
from customer360.semantic import AllOf, Condition, Dimension, Filter, Formula, Measure, Top
from customer360.semantic.query import Summary

AskMeasure = str | Measure | Formula


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", serialize_by_alias=True)


class Clause(_Part):
    """What must hold for the rows that belong to the subject: that there are some, none, or so many."""

    filters: tuple[Filter, ...] = ()
    window: Window | None = None
    negated: bool = False
    measure: str | Measure | None = None
    op: str = ""
    values: tuple[float | int, ...] = ()


class Rank(_Part):
    """Which rows come first, and how many of them are wanted."""

    by: str
    """The name of a measure of the answer or of a field."""
    descending: bool = True
    limit: int | None = None
    offset: int = 0
    per: tuple[Dimension, ...] = ()
    """The dimensions of which each group has its own first rows."""


class Comparison(_Part):
    """Two parts set against each other: windows of time, or values of one dimension."""

    show: Literal["both", "difference", "ratio", "change"] = "both"
    windows: tuple[Window, ...] = ()
    """The earlier first, but for a ratio, where it is the one above."""
    filters: tuple[Filter, ...] = ()
    labels: tuple[str, ...] = ()

    @property
    def places(self) -> tuple[str, ...]:
        """What the answer calls each window."""
        first, second = (one.start or date.min for one in self.windows)
        return ("earlier", "later") if first <= second else ("later", "earlier")


class Frame(_Part):
    """One question, read."""

    kind: Literal["figures", "rows", "values"]
    subject: str
    """The table whose rows are counted, listed or aggregated."""
    measures: tuple[AskMeasure, ...] = ()
    fields: tuple[str, ...] = ()
    groups: tuple[Dimension, ...] = ()
    filters: tuple[Filter, ...] = ()
    clauses: tuple[Clause, ...] = ()
    of_whom: tuple[Clause, ...] = ()
    """What those did whose rows these are: the spend of customers who bought Travel."""
    window: Window | None = None
    window_field: str = ""
    having: tuple[Filter, ...] = ()
    rank: Rank | None = None
    show: Literal["value", "share", "running_total", "moving_average", "change", "change_pct"] = "value"
    within: tuple[str, ...] = ()
    span: int = 3
    part: tuple[Filter, ...] = ()
    """The part that a percentage is of: share of customers that are Premium."""
    part_clauses: tuple[Clause, ...] = ()
    comparison: Comparison | None = None
    summary: Summary | None = None
    top: Top | None = None
    """The groups whose share in the whole is asked for."""
    sort: Rank | None = Field(default=None)
    assumptions: tuple[str, ...] = ()

    def assume(self, *sentences: str) -> Frame:
        """Return the frame with more assumptions."""
        known = dict.fromkeys((*self.assumptions, *sentences))
        return self.model_copy(update={"assumptions": tuple(known)})


def all_of(parts: Sequence[Filter]) -> Filter | None:
    """Return the filter that holds where all of some do."""
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else AllOf.model_validate({"and": tuple(parts)})


def within(field: str, window: Window) -> Filter:
    """Return the condition that a date lies in a window, which may have no start or no end."""
    if window.start is not None and window.end is not None:
        return Condition(field=field, op="between", values=(window.start, window.end))
    if window.start is not None:
        return Condition(field=field, op=">=", value=window.start)
    return Condition(field=field, op="<=", value=window.end)


def fields_of(tree: Filter) -> set[str]:
    """Return the fields that a filter names."""
    if isinstance(tree, Condition):
        return {tree.field}
    if hasattr(tree, "field"):
        return {tree.field}
    parts = getattr(tree, "parts", None) or ((tree.part,) if hasattr(tree, "part") else ())
    return {name for part in parts for name in fields_of(part)}
