"""The model: boosted trees and regressions, weighed and calibrated on rows that none of them saw.

Public churn tables hold a few thousand customers. There a regression is often as good as trees, and a mean of both is
better than either; which weight each gets is settled by the log loss out of fold, inside the rows to learn from.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from customer360.churn.arrays import Flags, Floats, Rows
from customer360.churn.boosting import Growth, grow_trees
from customer360.churn.folds import Split, make_folds
from customer360.churn.linear import fit_line

INNER_FOLDS = 5
LARGE = 30_000
INNER_FOLDS_OF_LARGE = 3
STEPS = 10
ROWS_TO_WEIGH = 20_000
LEFT_FOR_ISOTONIC = 10_000


class Member(Protocol):
    """One part of the model."""

    @property
    def margins(self) -> Floats:
        """Log-odds of the rows it was fitted on, each from a fit that did not see it."""
        ...

    def margin(self, values: Floats) -> Floats:
        """Return log-odds of other rows."""
        ...

    def contributions(self, values: Floats) -> Floats:
        """Return (rows, columns + 1): what each column adds to the mean log-odds, and last the mean itself."""
        ...


@dataclass(frozen=True)
class Calibration:
    """A strictly rising map from log-odds to probability: a sigmoid, with isotonic steps beside it on large tables."""

    slope: float
    shift: float
    steps: IsotonicRegression | None

    @property
    def method(self) -> str:
        return "sigmoid" if self.steps is None else "mean of sigmoid and isotonic"

    def log_odds(self, margin: Floats) -> Floats:
        """Return the log-odds of the sigmoid."""
        return self.slope * margin + self.shift

    def probability(self, margin: Floats) -> Floats:
        """Return the calibrated probability."""
        smooth: Floats = 0.5 * (1 + np.tanh(self.log_odds(margin) / 2))
        if self.steps is None:
            return smooth
        stepped: Floats = self.steps.predict(margin)
        return (smooth + stepped) / 2


@dataclass(frozen=True)
class ChurnModel:
    """A fitted model; ``threshold`` gave the best F1 on rows to learn from, out of fold."""

    members: Mapping[str, Member]
    weights: Mapping[str, float]
    calibration: Calibration
    threshold: float

    def margin(self, values: Floats) -> Floats:
        """Return the members' log-odds, weighed; not calibrated yet."""
        return self._weigh(lambda member: member.margin(values))

    def probability(self, values: Floats) -> Floats:
        """Return the calibrated probability that each customer leaves."""
        return self.calibration.probability(self.margin(values))

    def contributions(self, values: Floats) -> Floats:
        """Return (rows, columns + 1): what each column adds to the log-odds, and last what an average customer has.

        A row sums to the calibrated log-odds.
        """
        found = self._weigh(lambda member: member.contributions(values)) * self.calibration.slope
        found[:, -1] += self.calibration.shift
        return found

    @property
    def learnt_margins(self) -> Floats:
        """Margins of the rows it was fitted on, each from fits that did not see it."""
        return self._weigh(lambda member: member.margins)

    def _weigh(self, of: Callable[[Member], Floats]) -> Floats:
        parts = [weight * of(self.members[name]) for name, weight in self.weights.items() if weight]
        return np.asarray(np.sum(parts, axis=0), dtype=np.float64)


def fit_model(
    values: Floats, left: Flags, *, categories: Sequence[int], seed: int, groups: Rows | None = None
) -> ChurnModel:
    """Fit members, weights, calibration and threshold on these rows alone."""
    folds = _inner_folds(left, seed, groups)
    members: dict[str, Member] = {
        "logistic regression": fit_line(values, left, categories=categories, folds=folds, bent=False, seed=seed),
        "bent logistic regression": fit_line(values, left, categories=categories, folds=folds, bent=True, seed=seed),
    }
    for name, growth in growths(len(left)).items():
        members[name] = grow_trees(values, left, categories=categories, folds=folds, growth=growth, seed=seed)
    weights = _weigh({name: member.margins for name, member in members.items()}, left, seed)
    margin = np.sum([weights[name] * member.margins for name, member in members.items()], axis=0)
    calibration = calibrate(margin, left)
    threshold = best_threshold(calibration.probability(margin), left)
    return ChurnModel(members, weights, calibration, threshold)


def growths(rows: int) -> dict[str, Growth]:
    """Return how the trees grow on so many rows: of two kinds on few, where each errs in its own way."""
    if rows < LARGE:
        least = max(5, min(20, rows // 50))
        return {"small trees": Growth(4, 0.06, 600, least), "larger trees": Growth(10, 0.04, 600, least)}
    return {"trees": Growth(8, 0.1, 400, 50)}


def _inner_folds(left: Flags, seed: int, groups: Rows | None) -> list[Split]:
    wanted = INNER_FOLDS if len(left) < LARGE else INNER_FOLDS_OF_LARGE
    possible = min(wanted, int(left.sum()), int((~left).sum()))
    return make_folds(left, possible, seed + 1, groups)


def _weigh(margins: Mapping[str, Floats], left: Flags, seed: int) -> dict[str, float]:
    """Return the weights, which add up to one: the mean of all weightings in tenths, by how likely each makes the rows.

    On few rows many weightings do about as well, and their mean is steadier than the best of them; on many rows it is
    the best.
    """
    rng = np.random.default_rng(seed)
    rows = np.arange(len(left))
    if len(rows) > ROWS_TO_WEIGH:
        rows = rng.choice(rows, ROWS_TO_WEIGH, replace=False)
    stacked = np.column_stack([margin[rows] for margin in margins.values()])
    signs = np.where(left[rows], -1.0, 1.0)
    parts = itertools.product(range(STEPS + 1), repeat=len(margins))
    choices = np.array([part for part in parts if sum(part) == STEPS]) / STEPS
    losses = np.array([np.logaddexp(0, signs * (stacked @ choice)).sum() for choice in choices])
    likely = np.exp(losses.min() - losses)
    weights = np.round(likely @ choices / likely.sum(), 6)
    return {name: float(weight) for name, weight in zip(margins, weights, strict=True)}


def calibrate(margin: Floats, left: Flags) -> Calibration:
    """Fit the map from log-odds to probability on margins of rows that no member saw."""
    sigmoid = LogisticRegression(C=100.0).fit(margin[:, None], left)
    slope = max(float(sigmoid.coef_[0, 0]), 1e-3)
    steps = None
    if min(int(left.sum()), int((~left).sum())) >= LEFT_FOR_ISOTONIC:
        steps = IsotonicRegression(y_min=1e-4, y_max=1 - 1e-4, out_of_bounds="clip").fit(margin, left)
    return Calibration(slope, float(sigmoid.intercept_[0]), steps)


def best_threshold(probability: Floats, left: Flags) -> float:
    """Return the probability from which on calling a customer a leaver gives the best F1."""
    order = np.argsort(-probability, kind="stable")
    ranked = probability[order]
    hits = np.cumsum(left[order])
    f1 = 2 * hits / (np.arange(1, len(order) + 1) + left.sum())
    last_of_its_value = np.append(ranked[1:] != ranked[:-1], True)
    return float(ranked[int(np.argmax(np.where(last_of_its_value, f1, -1.0)))])
