"""A flat table with a label, read whole: who left, what a model may see, and what it may not."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from customer360.churn.arrays import Flags, Rows
from customer360.churn.labels import read_label
from customer360.churn.table import Column, LeftOut, read_text, require_columns, type_column, why_left_out
from customer360.errors import InvalidInput


@dataclass(frozen=True)
class Table:
    """A flat table, read: who left, what is known of them, and what no model may see."""

    name: str
    label: str
    positive: str
    left: Flags
    unlabelled: int
    columns: tuple[Column, ...]
    """The columns a model sees."""
    others: tuple[Column, ...]
    """Those it does not, but for those that were dropped."""
    left_out: tuple[LeftOut, ...]
    groups: Rows | None
    """Which rows are of one customer, where an id comes more than once."""


def read_table(path: Path, *, label: str, id_column: str | None, positive: str | None, drop: Collection[str]) -> Table:
    """Read and type a table, and settle what the model may see."""
    text = read_text(path)
    require_columns(text, [label], "label")
    others = [name for name in text if name != label]
    require_columns(others, drop, "drop")
    require_columns(others, [id_column] if id_column else [], "id")
    labelled, left, positive = read_label(label, text[label], positive)
    typed = [type_column(name, text[name].filter(pa.array(labelled))) for name in others if name not in drop]
    reasons = {column.name: why_left_out(column) for column in typed}
    if id_column in reasons:
        reasons[id_column] = "it was named as the id"
    seen = tuple(column for column in typed if not reasons[column.name])
    if not seen:
        raise InvalidInput(
            f"{path.name} has no column that a model could learn from.",
            code="no_features",
            next_action="Give a table with attributes of the customers beside id and label.",
            details=[{"field": name, "message": reason} for name, reason in reasons.items()],
        )
    left_out = [LeftOut(name, reason) for name, reason in reasons.items() if reason]
    left_out += [LeftOut(name, "it was dropped as asked") for name in drop]
    unseen = tuple(column for column in typed if reasons[column.name] and column.distinct)
    groups = _repeated(next((column for column in typed if column.name == id_column), None))
    return Table(path.name, label, positive, left, int((~labelled).sum()), seen, unseen, tuple(left_out), groups)


def _repeated(key: Column | None) -> Rows | None:
    """Return which rows share an id, or None where all differ or some have none."""
    if key is None or key.missing.any() or key.distinct == len(key.values):
        return None
    return np.unique(key.values, return_inverse=True)[1].astype(np.int64)
