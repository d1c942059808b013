"""Logistic regression with filled gaps and one column per category; plain, or with a bent line for each number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, SplineTransformer, StandardScaler

from customer360.churn.arrays import Flags, Floats, Rows
from customer360.churn.folds import Split

KNOTS = 4
MOST_ROUNDS = 500
MOST_ROWS = 20_000
"""Of more rows, those of the commoner outcome are sampled and weighed up; the rarer one decides how well it fits."""


@dataclass(frozen=True)
class Line:
    """A fitted regression and its margins out of fold."""

    model: Any
    margins: Floats
    centre: Floats
    """Mean of each transformed column over the rows it was fitted on."""

    def margin(self, values: Floats) -> Floats:
        """Return log-odds."""
        return np.asarray(self.model.decision_function(values), dtype=np.float64)

    def contributions(self, values: Floats) -> Floats:
        """Return (rows, columns + 1): what each column adds to the mean log-odds, and last the mean itself."""
        weights = self.model[-1].coef_[0]
        added = (self.model[:-1].transform(values) - self.centre) * weights
        found = np.zeros((len(values), values.shape[1] + 1))
        np.add.at(found.T, _origins(self.model[0]), added.T)
        found[:, -1] = self.model[-1].intercept_[0] + self.centre @ weights
        return found


def _origins(transformer: Any) -> Rows:
    """Return the number of the column that each transformed column was made of."""
    found: list[int] = []
    for name, step, numbers in transformer.transformers_:
        if name == "categories":
            sizes = [len(levels) for levels in step.categories_]
            found += [number for number, size in zip(numbers, sizes, strict=True) for _ in range(size)]
        elif name == "numbers":
            imputer = step[0]
            sources = [*numbers, *(numbers[place] for place in imputer.indicator_.features_)]
            each = step[-1].n_features_in_ // len(sources)
            found += [number for number in sources for _ in range(each)]
    return np.array(found, dtype=np.int64)


def make_regression(columns: int, categories: Sequence[int], *, bent: bool) -> Any:
    """Return an unfitted regression for so many columns."""
    numbers = [number for number in range(columns) if number not in set(categories)]
    bend = [SplineTransformer(KNOTS, degree=3, knots="quantile", extrapolation="linear")] if bent else []
    steps = [SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True), *bend, StandardScaler()]
    parts = [("numbers", make_pipeline(*steps), numbers)] if numbers else []
    coded = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    parts += [("categories", coded, list(categories))] if categories else []
    return make_pipeline(ColumnTransformer(parts), LogisticRegression(C=0.3 if bent else 1.0, max_iter=MOST_ROUNDS))


def fit_line(
    values: Floats, left: Flags, *, categories: Sequence[int], folds: Sequence[Split], bent: bool, seed: int
) -> Line:
    """Fit on all rows, and on each inner fold for the margins of the rows it did not see."""
    margins = np.zeros(len(left))
    for learnt, judged in folds:
        model = _fit(values[learnt], left[learnt], categories=categories, bent=bent, seed=seed)
        margins[judged] = model.decision_function(values[judged])
    model = _fit(values, left, categories=categories, bent=bent, seed=seed)
    rows, weights = _sample(left, seed)
    centre = np.average(model[:-1].transform(values[rows]), axis=0, weights=weights)
    return Line(model, margins, centre)


def _fit(values: Floats, left: Flags, *, categories: Sequence[int], bent: bool, seed: int) -> Any:
    rows, weights = _sample(left, seed)
    model = make_regression(values.shape[1], categories, bent=bent)
    return model.fit(values[rows], left[rows], logisticregression__sample_weight=weights)


def _sample(left: Flags, seed: int) -> tuple[Rows, Floats]:
    """Return all rows, or so many that a line fits as well, with what each of them stands for."""
    if len(left) <= MOST_ROWS:
        return np.arange(len(left)), np.ones(len(left))
    rng = np.random.default_rng(seed)
    rarer, commoner = sorted((np.flatnonzero(left), np.flatnonzero(~left)), key=len)
    some_rarer = rng.choice(rarer, min(len(rarer), MOST_ROWS // 2), replace=False)
    some_commoner = rng.choice(commoner, MOST_ROWS - len(some_rarer), replace=False)
    rows = np.concatenate([np.sort(some_rarer), np.sort(some_commoner)])
    weights = np.repeat(
        [len(rarer) / len(some_rarer), len(commoner) / len(some_commoner)], [len(some_rarer), len(some_commoner)]
    )
    return rows, weights
