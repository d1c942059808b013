"""Cross-validation: each fold is scored by a model and by baselines that learnt from the other folds alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from customer360.churn import importance
from customer360.churn.arrays import Flags, Floats, Rows
from customer360.churn.flat import Table
from customer360.churn.folds import Split, make_folds
from customer360.churn.leaks import bin_column, probe_column, rates_of
from customer360.churn.model import ChurnModel, best_threshold, fit_model
from customer360.churn.scoring import Scored, auc
from customer360.churn.table import Column, Features

MODEL, BASE_RATE, ONE_COLUMN, REGRESSION = "model", "base_rate", "one_column", "logistic_regression"
RECENCY = re.compile(r"recency|days?_?since|last_?(seen|login|purchase|order|transaction|activity)", re.IGNORECASE)
PROBE_FOLDS = 3
SCORES = (MODEL, BASE_RATE, ONE_COLUMN, REGRESSION)

Step = Callable[[str, int, int], None]


@dataclass
class OutOfFold:
    """What the folds gather; each row's score is of the one model that did not see it."""

    scores: dict[str, Scored]
    learnt_aucs: list[float]
    models: list[ChurnModel]
    one_columns: list[str]
    drops: list[Floats]


def run_folds(
    table: Table, features: Features, ranked: Sequence[Column], *, splits: Sequence[Split], seed: int, progress: Step
) -> OutOfFold:
    """Score every row by models that did not see it; ``ranked`` are the columns to weigh by shuffling them."""
    left = table.left
    empty = {name: Scored(np.zeros(len(left)), np.zeros(len(left), dtype=np.bool_)) for name in SCORES}
    found = OutOfFold(empty, [], [], [], [])
    numbers = [features.names.index(column.name) for column in ranked]
    for place, (learnt, judged) in enumerate(splits):
        progress(f"fold {place + 1}", place, len(splits) + 2)
        groups = None if table.groups is None else table.groups[learnt]
        values, who = features.values[learnt], left[learnt]
        model = fit_model(values, who, categories=features.categories, seed=seed + place, groups=groups)
        probability = model.probability(features.values[judged])
        _put(found.scores[MODEL], judged, probability, model.threshold)
        _put(found.scores[BASE_RATE], judged, np.full(len(judged), left.mean()), 0.0)
        _score_regression(found.scores[REGRESSION], model, features, judged, who)
        found.one_columns.append(_score_one_column(found.scores[ONE_COLUMN], table, learnt, judged, seed))
        found.learnt_aucs.append(auc(model.probability(values), who))
        found.drops.append(importance.drops(model, features.values[judged], left[judged], numbers, seed))
        found.models.append(model)
    return found


def _put(scored: Scored, rows: Rows, probability: Floats, threshold: float) -> None:
    scored.probability[rows] = probability
    scored.flagged[rows] = probability >= threshold


def _score_regression(scored: Scored, model: ChurnModel, features: Features, judged: Rows, who: Flags) -> None:
    """Score the rows by the plain regression that is also a member of the model."""
    member = model.members["logistic regression"]
    threshold = best_threshold(_sigmoid(member.margins), who)
    _put(scored, judged, _sigmoid(member.margin(features.values[judged])), threshold)


def _sigmoid(margin: Floats) -> Floats:
    probability: Floats = 0.5 * (1 + np.tanh(margin / 2))
    return probability


def _score_one_column(scored: Scored, table: Table, learnt: Rows, judged: Rows, seed: int) -> str:
    """Score the rows by one column: what says how recent a customer is, else the best among the rows to learn from."""
    who = table.left[learnt]
    inner = make_folds(who, PROBE_FOLDS, seed)
    candidates = [column for column in table.columns if RECENCY.search(column.name)] or list(table.columns)
    parts = [Column(column.name, column.kind, column.values[learnt], column.levels) for column in candidates]
    aucs = [probe_column(part, who, inner).auc for part in parts]
    chosen = candidates[int(np.argmax(aucs))]
    bins = bin_column(chosen)
    rates = rates_of(bins[learnt], who, int(bins.max()) + 1)
    _put(scored, judged, rates[bins[judged]], best_threshold(rates[bins[learnt]], who))
    return chosen.name
