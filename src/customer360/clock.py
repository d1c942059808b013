"""Time as a value that is passed in: code asks a clock, tests give a fixed one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Return the present moment in UTC; the one place that reads the wall clock."""
    return datetime.now(UTC)


def fixed(moment: datetime) -> Clock:
    """Return a clock that always shows ``moment``."""
    return lambda: moment
