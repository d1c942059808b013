"""Finds columns that give the label away: nobody could have known them before the customer left.

Each column is judged alone, out of fold, so that a column cannot shine by having a value of its own for each row. A
strong column is not a leak: one that separates as two overlapping bells do, with an AUC of 0.9, stays. What no honest
column does is to be almost always right, or to be right without fail about a large part of those who left. Thin tails
of honest columns do that too, so a part has to be large, and its purity certain for the number of rows there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from customer360.churn.arrays import Flags, Floats, Rows
from customer360.churn.folds import Split
from customer360.churn.scoring import auc
from customer360.churn.table import Column

Kind = Literal["tells_the_label", "filled_in_afterwards", "tells_part_of_the_label", "label_by_id"]

TELLS = 0.99
TELLS_IN_TWO_VALUES = 0.95
"""A column of two values is either a copy of the label with errors, or nowhere near this."""
PURE = ((0.5, 50.0), (0.25, 100.0))
"""(share of those who left, times likelier to be found among them than among the others, at the least)"""
PURE_STAYING = ((0.8, 100.0),)
FILLED = ((0.25, 25.0),)
SAME = 0.98
BINS = 50
PRIOR_ROWS = 1.0
MOST_ROWS_OF_AN_ID = 10


@dataclass(frozen=True)
class Leak:
    """A column that gives the label away, and how it does."""

    column: str
    kind: Kind
    reason: str
    auc: float


@dataclass(frozen=True)
class Probe:
    """A column alone: its AUC, and its score out of fold."""

    column: str
    auc: float
    score: Floats


def probe_column(column: Column, left: Flags, folds: Sequence[Split]) -> Probe:
    """Return how well a column alone tells who left, judged on rows it did not learn from."""
    bins = bin_column(column)
    score = np.zeros(len(left))
    for learnt, judged in folds:
        score[judged] = rates_of(bins[learnt], left[learnt], int(bins.max()) + 1)[bins[judged]]
    return Probe(column.name, auc(score, left), score)


def bin_column(column: Column) -> Rows:
    """Return the bin of each row: a category, or one of fifty parts of the numbers; missing is a bin of its own."""
    known = ~column.missing
    bins = np.zeros(len(column.values), dtype=np.int64)
    if column.kind == "category":
        bins[known] = column.values[known].astype(np.int64) + 1
    elif known.any():
        different = np.unique(column.values[known])
        if len(different) > BINS:
            different = np.unique(np.quantile(column.values[known], np.linspace(0, 1, BINS + 1)))
        bins[known] = np.searchsorted(different, column.values[known], side="right")
    return bins


def rates_of(bins: Rows, left: Flags, count: int) -> Floats:
    """Return the share that left in each bin, drawn a little towards the share of all."""
    rows = np.bincount(bins, minlength=count)
    leavers = np.bincount(bins, weights=left, minlength=count)
    rates: Floats = (leavers + PRIOR_ROWS * left.mean()) / (rows + PRIOR_ROWS)
    return rates


def find_leaks(columns: Iterable[Column], left: Flags, folds: Sequence[Split]) -> tuple[list[Probe], list[Leak]]:
    """Return every column's probe, the strongest first, and the columns that give the label away."""
    listed = list(columns)
    probes = {column.name: probe_column(column, left, folds) for column in listed}
    found: dict[str, Leak] = {}
    for column in listed:
        if leak := _judge(column, probes[column.name], left):
            found[column.name] = leak
    for leak in _find_rates_by_id(listed, left, probes):
        found.setdefault(leak.column, leak)
    ordered = sorted(probes.values(), key=lambda probe: (-probe.auc, probe.column))
    return ordered, sorted(found.values(), key=lambda leak: (-leak.auc, leak.column))


def _judge(column: Column, probe: Probe, left: Flags) -> Leak | None:
    missing = column.missing
    states = column.distinct + bool(missing.any())
    if _is_pure(~missing, left, FILLED) or _is_pure(missing, left, FILLED):
        filled, among = (missing, "missing") if _is_pure(missing, left, FILLED) else (~missing, "filled in")
        reason = f"it is {among} for {_share(filled, left)} of those who left and {_share(filled, ~left)} of the others"
        return Leak(column.name, "filled_in_afterwards", reason, probe.auc)
    if probe.auc >= (TELLS_IN_TWO_VALUES if states == 2 else TELLS):
        reason = f"alone it tells who left from who stayed, with an AUC of {probe.auc:.3f} out of fold"
        return Leak(column.name, "tells_the_label", reason, probe.auc)
    for who, outcome, score, limits in (
        ("left", left, probe.score, PURE),
        ("stayed", ~left, -probe.score, PURE_STAYING),
    ):
        part = _pure_part(score, outcome, limits)
        if part is not None:
            reason = f"its values single out {_share(part, outcome)} of those who {who}, and {_share(part, ~outcome)} "
            return Leak(column.name, "tells_part_of_the_label", f"{reason}of the others", probe.auc)
    return None


def _share(part: Flags, of: Flags) -> str:
    share = 100 * (part & of).sum() / of.sum()
    return f"{share:.0f} %" if share in (0, 100) or 1 <= share < 99.5 else f"{share:.1f} %"


def _is_pure(part: Flags, outcome: Flags, limits: Iterable[tuple[float, float]]) -> bool:
    counts: Rows = np.array([[np.count_nonzero(part & rows)] for rows in (outcome, ~outcome)], dtype=np.int64)
    return bool(_pure(counts[0], counts[1], outcome, limits)[0])


def _pure(inside: Rows, others: Rows, outcome: Flags, limits: Iterable[tuple[float, float]]) -> Flags:
    """Tell which parts hold so much of an outcome, and so surely little else, as the limits ask."""
    covered = inside / outcome.sum()
    likelier = covered / _at_most(others, int((~outcome).sum()))
    found = np.zeros(len(covered), dtype=np.bool_)
    for least, times in limits:
        found |= (covered >= least) & (likelier >= times)
    return found


def _at_most(count: Rows, of: int) -> Floats:
    """Return the upper ends of Wilson's 95 % intervals of shares."""
    z = 1.96
    share = count / of
    spread = z * np.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    highest: Floats = (share + z * z / (2 * of) + spread) / (1 + z * z / of)
    return highest


def _pure_part(score: Floats, outcome: Flags, limits: Iterable[tuple[float, float]]) -> Flags | None:
    """Return the largest part from the highest score down that is pure, or None."""
    order = np.argsort(-score, kind="stable")
    ranked = score[order]
    ends = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))
    inside, others = (np.cumsum(rows[order], dtype=np.int64)[ends] for rows in (outcome, ~outcome))
    pure = np.flatnonzero(_pure(inside, others, outcome, limits))
    return np.asarray(score >= ranked[ends[pure[-1]]], dtype=np.bool_) if len(pure) else None


def _find_rates_by_id(columns: Sequence[Column], left: Flags, probes: Mapping[str, Probe]) -> Iterable[Leak]:
    """Find numbers that are the label's mean by some id with few rows each: every row helped to make its own value."""
    for key in columns:
        groups = _groups(key)
        if groups is None:
            continue
        sizes = np.bincount(groups)
        means = (np.bincount(groups, weights=left) / sizes)[groups]
        for column in columns:
            if column.kind == "number" and column.name != key.name and _follows(column, means, sizes[groups] > 1):
                reason = f"it is the label's mean by {key.name}, each row's own label among them"
                yield Leak(column.name, "label_by_id", reason, probes[column.name].auc)


def _groups(key: Column) -> Rows | None:
    known = key.values[~key.missing]
    if not len(known) or key.missing.any():
        return None
    different, groups = np.unique(known, return_inverse=True)
    few_rows_each = 1.2 <= len(known) / len(different) <= MOST_ROWS_OF_AN_ID
    return groups.astype(np.int64) if few_rows_each and len(different) >= BINS else None


def _follows(column: Column, means: Floats, repeated: Flags) -> bool:
    rows = repeated & ~column.missing
    values, wanted = column.values[rows], means[rows]
    if len(values) < BINS or np.ptp(values) == 0 or np.ptp(wanted) == 0:
        return False
    return bool(np.corrcoef(values, wanted)[0, 1] >= SAME)
