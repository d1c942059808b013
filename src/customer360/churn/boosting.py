"""Boosted trees: LightGBM, or scikit-learn's where the machine lacks libgomp1, which LightGBM needs.

The number of rounds is the one that is best on average over the inner folds, so no single fold can choose for itself.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

from customer360.churn.arrays import Flags, Floats
from customer360.churn.folds import Split

THREADS = 1
"""Threads that wait for one another by spinning are many times slower where anything else runs."""
PATIENCE = 40
FALLBACK = "scikit-learn's histogram boosting, because LightGBM finds no libgomp1 here (apt-get install libgomp1)"


@dataclass(frozen=True)
class Growth:
    """How trees grow: the leaves of each, how fast they learn, and the most rounds."""

    leaves: int
    rate: float
    rounds: int
    least_rows: int = 20


@dataclass(frozen=True)
class Trees:
    """A model from each inner fold, cut at the round that was best on average, and their margins out of fold."""

    models: tuple[Any, ...]
    rounds: int
    margins: Floats
    typical: Floats
    """A row of what is usual in each column, NaN where nothing is known."""

    def margin(self, values: Floats) -> Floats:
        """Return the mean of the models' log-odds."""
        total = np.zeros(len(values))
        for model in self.models:
            total += _margin(model, values, self.rounds)
        return total / len(self.models)

    def contributions(self, values: Floats) -> Floats:
        """Return (rows, columns + 1): what each column adds to the mean log-odds, and last the mean itself."""
        found = np.zeros((len(values), values.shape[1] + 1))
        for model in self.models:
            found += _contributions(model, values, self.rounds, self.typical)
        return found / len(self.models)


@functools.cache
def _lightgbm() -> Any | None:
    try:
        return importlib.import_module("lightgbm")
    except (ImportError, OSError):
        return None


def engine_name() -> str:
    """Return what grows the trees on this machine."""
    library = _lightgbm()
    return f"LightGBM {library.__version__}" if library else FALLBACK


def grow_trees(
    values: Floats, left: Flags, *, categories: Sequence[int], folds: Sequence[Split], growth: Growth, seed: int
) -> Trees:
    """Fit trees on each inner fold and return them with their margins on the rows that each did not see."""
    grow = _grow_lightgbm if _lightgbm() else _grow_histograms
    models, rounds = grow(values, left, categories=categories, folds=folds, growth=growth, seed=seed)
    margins = np.zeros(len(left))
    for model, (_, judged) in zip(models, folds, strict=True):
        margins[judged] = _margin(model, values[judged], rounds)
    return Trees(tuple(models), rounds, margins, np.array([_typical(column) for column in values.T]))


def _typical(column: Floats) -> float:
    """Return the median, the lower where there are two: a value that comes up, as a code must."""
    known = np.sort(column[~np.isnan(column)])
    return float(known[(len(known) - 1) // 2]) if len(known) else np.nan


def _margin(model: Any, values: Floats, rounds: int) -> Floats:
    if isinstance(model, HistGradientBoostingClassifier):
        margin = _last(model.staged_decision_function(values), rounds)
    else:
        margin = model.predict(values, num_iteration=rounds, raw_score=True)
    return np.asarray(margin, dtype=np.float64)


def _contributions(model: Any, values: Floats, rounds: int, typical: Floats) -> Floats:
    """Return Shapley values (Lundberg et al. 2018); of scikit-learn's trees what goes when a column is typical.

    What such single changes leave unsaid is shared out as they are large; the mean is then that of a typical customer.
    """
    if not isinstance(model, HistGradientBoostingClassifier):
        found = model.predict(values, num_iteration=rounds, pred_contrib=True, num_threads=THREADS)
        return np.asarray(found, dtype=np.float64)
    margin = _margin(model, values, rounds)
    added = np.zeros((len(values), values.shape[1] + 1))
    for number in range(values.shape[1]):
        replaced = values.copy()
        replaced[:, number] = typical[number]
        added[:, number] = margin - _margin(model, replaced, rounds)
    added[:, -1] = _margin(model, typical[None, :], rounds)
    rest = margin - added.sum(axis=1)
    share = np.abs(added[:, :-1]) + 1e-12
    added[:, :-1] += rest[:, None] * share / share.sum(axis=1, keepdims=True)
    return added


def _last(stages: Any, rounds: int) -> Any:
    for number, stage in enumerate(stages, 1):
        if number >= rounds:
            return stage
    return stage


def _grow_lightgbm(
    values: Floats, left: Flags, *, categories: Sequence[int], folds: Sequence[Split], growth: Growth, seed: int
) -> tuple[list[Any], int]:
    library: Any = _lightgbm()
    found = library.cv(
        lightgbm_parameters(growth, seed),
        library.Dataset(values, left.astype(np.float64), categorical_feature=list(categories)),
        num_boost_round=growth.rounds,
        folds=list(folds),
        return_cvbooster=True,
        callbacks=[library.early_stopping(PATIENCE, verbose=False)],
    )
    booster = found["cvbooster"]
    return list(booster.boosters), max(int(booster.best_iteration), 1)


def lightgbm_parameters(growth: Growth, seed: int) -> dict[str, Any]:
    """Return LightGBM's parameters: strong regularisation, the same trees at the same seed."""
    return {
        "objective": "binary",
        "metric": "binary_logloss",
        "learning_rate": growth.rate,
        "num_leaves": growth.leaves,
        "min_data_in_leaf": growth.least_rows,
        "lambda_l2": 5.0,
        "bagging_fraction": 0.7,
        "bagging_freq": 1,
        "feature_fraction": 0.6,
        "max_cat_to_onehot": 8,
        "cat_smooth": 20.0,
        "cat_l2": 20.0,
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": THREADS,
        "verbosity": -1,
    }


def _grow_histograms(
    values: Floats, left: Flags, *, categories: Sequence[int], folds: Sequence[Split], growth: Growth, seed: int
) -> tuple[list[Any], int]:
    models, losses = [], []
    for learnt, judged in folds:
        model = HistGradientBoostingClassifier(
            learning_rate=growth.rate,
            max_iter=growth.rounds // 2,
            max_leaf_nodes=growth.leaves,
            min_samples_leaf=growth.least_rows,
            l2_regularization=5.0,
            max_features=0.6,
            categorical_features=list(categories) or None,
            early_stopping=False,
            random_state=seed,
        ).fit(values[learnt], left[learnt])
        signs = np.where(left[judged], -1.0, 1.0)
        stages = model.staged_decision_function(values[judged])
        losses.append([float(np.logaddexp(0, signs * margin).mean()) for margin in stages])
        models.append(model)
    return models, int(np.mean(losses, axis=0).argmin()) + 1
