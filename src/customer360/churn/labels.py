"""Reads the label: which of two values means that the customer left."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow.compute as pc

from customer360.churn.arrays import Flags
from customer360.errors import InvalidInput

LEFT = (
    *("1", "1.0", "true", "t", "yes", "y", "churn", "churned", "churner", "left", "exited", "exit"),
    *("attrited", "attrited customer", "lost", "cancelled", "canceled", "gone", "inactive", "closed"),
)
"""Values that mean, without being told, that a customer left."""
LEAST_PER_FOLD = 3


def read_label(name: str, text: Any, positive: str | None) -> tuple[Flags, Flags, str]:
    """Return which rows have a label, which of those left, and the value that says so.

    Raises:
        InvalidInput: it cannot be told which value means leaving, or there is only one.
    """
    known = pc.if_else(pc.equal(text, ""), None, text)
    values = sorted(value for value in pc.unique(known).to_pylist() if value is not None)
    if len(values) < 2:
        seen = f"only {values[0]!r}" if values else "nothing"
        raise _refused(name, f"The label {name!r} has {seen}; a model needs customers who left and who stayed.", values)
    chosen = _positive(name, values, positive)
    labelled = np.asarray(known.is_valid().to_numpy(zero_copy_only=False), dtype=np.bool_)
    left = np.asarray(pc.fill_null(pc.equal(known, chosen), False).to_numpy(zero_copy_only=False), dtype=np.bool_)
    return labelled, left[labelled], chosen


def _positive(name: str, values: list[str], asked: str | None) -> str:
    shown = ", ".join(repr(value) for value in values[:6]) + (" …" if len(values) > 6 else "")
    if asked is not None:
        for value in values:
            if value == asked or value.casefold() == asked.strip().casefold() or _same_number(value, asked):
                return value
        raise _refused(name, f"The label {name!r} is never {asked!r}; it has {shown}.", values)
    if len(values) > 2:
        raise _refused(name, f"The label {name!r} has {len(values)} values ({shown}); which one means leaving?", values)
    known = [value for value in values if value.casefold() in LEFT]
    if len(known) != 1:
        raise _refused(name, f"Which value of {name!r} means leaving: {values[0]!r} or {values[1]!r}?", values)
    return known[0]


def _same_number(one: str, other: str) -> bool:
    try:
        return float(one) == float(other)
    except ValueError:
        return False


def _refused(name: str, message: str, values: list[str]) -> InvalidInput:
    return InvalidInput(
        message,
        code="label_unusable",
        next_action="Name a column with two values, or say which one means leaving: --positive VALUE.",
        details=[{"field": "label", "value": name, "message": f"{len(values)} different values"}],
    )


def require_enough(name: str, left: Flags, folds: int) -> None:
    """Raise InvalidInput where a fold would have too few of those who left, or of those who stayed."""
    fewest = min(int(left.sum()), int((~left).sum()))
    least = folds * LEAST_PER_FOLD
    if fewest >= least:
        return
    which = "who left" if left.sum() == fewest else "who stayed"
    possible = fewest // LEAST_PER_FOLD
    raise InvalidInput(
        f"The label {name!r} has {fewest} customers {which}; {folds} folds need {least}, {LEAST_PER_FOLD} in each.",
        code="too_few_rows",
        next_action=f"Give more rows, or --folds {possible}." if possible >= 2 else "Give more rows.",
        details=[{"field": "label", "value": name, "message": f"{fewest} customers {which}"}],
    )
