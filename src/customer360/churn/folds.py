"""Splits rows into folds that hold equal shares of those who left, the same at the same seed."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from customer360.churn.arrays import Flags, Rows

Split = tuple[Rows, Rows]
"""Rows to learn from and rows to be judged on."""


def make_folds(left: Flags, folds: int, seed: int, groups: Rows | None = None) -> list[Split]:
    """Return shuffled stratified folds; rows of one group stay together."""
    empty = np.zeros(len(left))
    if groups is None:
        return list(_pairs(StratifiedKFold(folds, shuffle=True, random_state=seed).split(empty, left)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a group so large that shares differ: the folds are still folds
        return list(_pairs(StratifiedGroupKFold(folds, shuffle=True, random_state=seed).split(empty, left, groups)))


def _pairs(found: Iterator[Split]) -> Iterator[Split]:
    for learnt, judged in found:
        yield np.asarray(learnt, dtype=np.int64), np.asarray(judged, dtype=np.int64)
