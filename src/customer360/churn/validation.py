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
        scored, column = score_rows(
            model, features.values, columns=table.columns, left=left, learnt=learnt, judged=judged, seed=seed
        )
        for name, part in scored.items():
            found.scores[name].probability[judged] = part.probability
            found.scores[name].flagged[judged] = part.flagged
        found.one_columns.append(column)
        found.learnt_aucs.append(auc(model.probability(values), who))
        found.drops.append(importance.drops(model, features.values[judged], left[judged], numbers, seed))
        found.models.append(model)
    found.scores[BASE_RATE].probability[:] = left.mean()  # folds' own rates differ, by whom each of them holds back
    return found


def score_rows(
    model: ChurnModel,
    values: Floats,
    *,
    columns: Sequence[Column],
    left: Flags,
    learnt: Rows,
    judged: Rows,
    seed: int,
) -> tuple[dict[str, Scored], str]:
    """Score the judged rows by the model and by baselines that learnt from the same rows, and name the one column."""
    who = left[learnt]
    rate = np.full(len(judged), who.mean())
    by_column, name = _score_one_column(columns, who, learnt, judged, seed)
    scored = {
        MODEL: _called(model.probability(values[judged]), model.threshold),
        BASE_RATE: _called(rate, 0.0),
        ONE_COLUMN: by_column,
        REGRESSION: _score_regression(model, values[judged], who),
    }
    return scored, name


def _called(probability: Floats, threshold: float) -> Scored:
    return Scored(probability, probability >= threshold)


def _score_regression(model: ChurnModel, values: Floats, who: Flags) -> Scored:
    """Score rows by the plain regression that is also a member of the model."""
    member = model.members["logistic regression"]
    return _called(_sigmoid(member.margin(values)), best_threshold(_sigmoid(member.margins), who))


def _sigmoid(margin: Floats) -> Floats:
    probability: Floats = 0.5 * (1 + np.tanh(margin / 2))
    return probability


def _score_one_column(
    columns: Sequence[Column], who: Flags, learnt: Rows, judged: Rows, seed: int
) -> tuple[Scored, str]:
    """Score the rows by one column: what says how recent a customer is, else the best among the rows to learn from."""
    inner = make_folds(who, PROBE_FOLDS, seed)
    candidates = [column for column in columns if RECENCY.search(column.name)] or list(columns)
    parts = [Column(column.name, column.kind, column.values[learnt], column.levels) for column in candidates]
    aucs = [probe_column(part, who, inner).auc for part in parts]
    chosen = candidates[int(np.argmax(aucs))]
    bins = bin_column(chosen)
    rates = rates_of(bins[learnt], who, int(bins.max()) + 1)
    return _called(rates[bins[judged]], best_threshold(rates[bins[learnt]], who)), chosen.name
