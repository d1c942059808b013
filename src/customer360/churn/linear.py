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

from customer360.churn.arrays import Flags, Floats
from customer360.churn.folds import Split

KNOTS = 4
MOST_ROUNDS = 500


@dataclass(frozen=True)
class Line:
    """A fitted regression and its margins out of fold."""

    model: Any
    margins: Floats

    def margin(self, values: Floats) -> Floats:
        """Return log-odds."""
        return np.asarray(self.model.decision_function(values), dtype=np.float64)


def make_regression(columns: int, categories: Sequence[int], *, bent: bool) -> Any:
    """Return an unfitted regression for so many columns."""
    numbers = [number for number in range(columns) if number not in set(categories)]
    bend = [SplineTransformer(KNOTS, degree=3, knots="quantile", extrapolation="linear")] if bent else []
    steps = [SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True), *bend, StandardScaler()]
    parts = [("numbers", make_pipeline(*steps), numbers)] if numbers else []
    coded = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    parts += [("categories", coded, list(categories))] if categories else []
    return make_pipeline(ColumnTransformer(parts), LogisticRegression(C=0.3 if bent else 1.0, max_iter=MOST_ROUNDS))


def fit_line(values: Floats, left: Flags, *, categories: Sequence[int], folds: Sequence[Split], bent: bool) -> Line:
    """Fit on all rows, and on each inner fold for the margins of the rows it did not see."""
    margins = np.zeros(len(left))
    for learnt, judged in folds:
        model = make_regression(values.shape[1], categories, bent=bent).fit(values[learnt], left[learnt])
        margins[judged] = model.decision_function(values[judged])
    return Line(make_regression(values.shape[1], categories, bent=bent).fit(values, left), margins)
