"""Checks of a whole evaluation: labels that mean nothing, rows it learnt from, and figures that are too good."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from customer360.churn.arrays import Flags
from customer360.churn.boosting import Growth, grow_trees
from customer360.churn.folds import Split
from customer360.churn.leaks import Probe
from customer360.churn.scoring import auc
from customer360.churn.table import Features

TOO_GOOD = 0.99
SHUFFLES = 3
QUICK = Growth(leaves=6, rate=0.1, rounds=60)
ERRORS_ALLOWED = 4.0
SLACK = 0.02
REMOVED = 8
LARGE_GAP = 0.1
MUCH_LOST = 0.1


@dataclass(frozen=True)
class ShuffledLabels:
    """The AUC when labels are shuffled among rows: 0.5 but for chance, or the evaluation deceives itself."""

    auc: float
    lowest: float
    highest: float

    @property
    def passed(self) -> bool:
        return self.lowest <= self.auc <= self.highest


@dataclass(frozen=True)
class Gap:
    """How much better the model is on rows that it learnt from."""

    learnt: float
    out_of_fold: float

    @property
    def gap(self) -> float:
        return self.learnt - self.out_of_fold

    @property
    def is_large(self) -> bool:
        return self.gap > LARGE_GAP


@dataclass(frozen=True)
class Removal:
    """What a quick model's AUC is without a column, next to with all."""

    column: str
    auc_without: float


@dataclass(frozen=True)
class TooGood:
    """A suspicion: figures that real customers rarely allow, and the columns they hang on."""

    auc_with_all: float
    strongest: tuple[tuple[str, float], ...]
    removals: tuple[Removal, ...]

    @property
    def carriers(self) -> list[str]:
        """Columns that alone explain the figure: strong by themselves, and much is lost without them."""
        lost = {removal.column: self.auc_with_all - removal.auc_without for removal in self.removals}
        return [name for name, alone in self.strongest if alone > TOO_GOOD or lost.get(name, 0.0) > MUCH_LOST]


def quick_auc(features: Features, left: Flags, folds: Sequence[Split], seed: int) -> float:
    """Return the AUC out of fold of a few rounds of trees."""
    trees = grow_trees(features.values, left, categories=features.categories, folds=folds, growth=QUICK, seed=seed)
    return auc(trees.margins, left)


def shuffle_labels(features: Features, left: Flags, folds: Sequence[Split], seed: int) -> ShuffledLabels:
    """Shuffle the labels, go the same way, and return the mean AUC with the bounds that chance sets."""
    rng = np.random.default_rng(seed)
    found = [quick_auc(features, rng.permutation(left), folds, seed) for _ in range(SHUFFLES)]
    leavers, stayers = int(left.sum()), int((~left).sum())
    error = np.sqrt((leavers + stayers + 1) / (12 * leavers * stayers) / SHUFFLES)
    room = float(ERRORS_ALLOWED * error + SLACK)
    return ShuffledLabels(float(np.mean(found)), 0.5 - room, 0.5 + room)


def doubt(
    features: Features, left: Flags, folds: Sequence[Split], *, auc: float, probes: Sequence[Probe], seed: int
) -> TooGood | None:
    """Return what an AUC above 0.99 hangs on, or None where it is no higher."""
    if auc <= TOO_GOOD:
        return None
    suspects = [probe for probe in probes if probe.column in features.names][:REMOVED]
    removals = [
        Removal(probe.column, quick_auc(features.without({probe.column}), left, folds, seed))
        for probe in suspects
        if len(features.names) > 1
    ]
    return TooGood(
        auc_with_all=quick_auc(features, left, folds, seed),
        strongest=tuple((probe.column, probe.auc) for probe in suspects),
        removals=tuple(sorted(removals, key=lambda removal: removal.auc_without)),
    )
