"""What the model uses: how much its AUC falls on rows it never saw when a column is shuffled among them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from customer360.churn.arrays import Flags, Floats, Rows
from customer360.churn.model import ChurnModel
from customer360.churn.scoring import auc
from customer360.churn.table import Column

MOST_COLUMNS = 30
MOST_ROWS = 1000
LEAST_SHARE = 0.02
DAY = np.timedelta64(1, "D")


@dataclass(frozen=True)
class Importance:
    """A column's worth: the mean, least and greatest fall of the AUC over the folds, and what is seen in it."""

    column: str
    auc_drop: float
    lowest: float
    highest: float
    words: str


def drops(
    model: ChurnModel, values: Floats, left: Flags, numbers: Sequence[int], seed: int, *, most_rows: int = MOST_ROWS
) -> Floats:
    """Return how much the AUC falls when each of the columns is shuffled."""
    rng = np.random.default_rng(seed)
    rows = np.sort(rng.permutation(len(left))[:most_rows])
    values, left = values[rows], left[rows]
    before, found = auc(model.probability(values), left), []
    for number in numbers:
        shuffled = values.copy()
        shuffled[:, number] = rng.permutation(shuffled[:, number])
        found.append(before - auc(model.probability(shuffled), left))
    return np.array(found)


def rank_columns(columns: Sequence[Column], by_fold: Sequence[Floats], left: Flags) -> list[Importance]:
    """Return the columns by what they are worth, the most first."""
    table = np.array(by_fold)
    found = [
        Importance(column.name, float(falls.mean()), float(falls.min()), float(falls.max()), describe(column, left))
        for column, falls in zip(columns, table.T, strict=True)
    ]
    return sorted(found, key=lambda importance: (-importance.auc_drop, importance.column))


def describe(column: Column, left: Flags) -> str:
    """Return in plain words who leaves more often; it is what is seen, not what causes it."""
    known = ~column.missing
    groups = _levels(column, known) if column.kind == "category" else _thirds(column, known)
    if column.missing.mean() >= LEAST_SHARE:
        groups.append(("missing", column.missing))
    rates = sorted(((float(left[rows].mean()), name) for name, rows in groups), key=lambda pair: (-pair[0], pair[1]))
    if len(rates) < 2:
        return "hardly any two rows differ"
    (most, high), (least, low) = rates[0], rates[-1]
    return f"{high}: {most:.0%} left; {low}: {least:.0%}"


def _levels(column: Column, known: Flags) -> list[tuple[str, Flags]]:
    codes = np.where(known, column.values, -1).astype(np.int64)
    counts: Rows = np.bincount(codes[known], minlength=len(column.levels))
    frequent = np.flatnonzero(counts >= LEAST_SHARE * len(codes))
    return [(repr(column.levels[code]), codes == code) for code in frequent]


def _thirds(column: Column, known: Flags) -> list[tuple[str, Flags]]:
    values = column.values
    different = np.unique(values[known])
    if len(different) <= 4:
        return [(_write(column, value), known & (values == value)) for value in different]
    low, high = np.quantile(values[known], [1 / 3, 2 / 3])
    parts = {
        f"up to {_write(column, low)}": known & (values <= low),
        f"{_write(column, low)} to {_write(column, high)}": known & (values > low) & (values < high),
        f"from {_write(column, high)}": known & (values >= high),
    }
    return [(name, rows) for name, rows in parts.items() if rows.any()]


def _write(column: Column, value: float) -> str:
    if column.kind == "date":
        return str(np.datetime64("1970-01-01") + int(value) * DAY)
    return f"{value:,.4g}" if abs(value) < 1e4 else f"{value:,.0f}"
