"""The model: members weighed by what they are worth, calibrated, and the same where LightGBM is missing."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import f1_score, roc_auc_score
from threadpoolctl import threadpool_limits

from customer360.churn import boosting, model
from customer360.churn.arrays import Flags, Floats
from customer360.churn.boosting import FALLBACK, Growth, engine_name, grow_trees
from customer360.churn.folds import make_folds
from customer360.churn.model import best_threshold, calibrate, fit_model, growths

pytestmark = [pytest.mark.unit, pytest.mark.contract("S3.83")]


def corners(rows: int, seed: int) -> tuple[Floats, Flags]:
    """Return rows whose outcome hangs on an interaction and a category, with gaps."""
    rng = np.random.default_rng(seed)
    values = np.column_stack([rng.normal(size=rows), rng.normal(size=rows), rng.integers(0, 4, rows).astype(float)])
    margin = 3 * (values[:, 0] * values[:, 1] > 0) - 2 + (values[:, 2] == 2)
    left = rng.random(rows) < 1 / (1 + np.exp(-margin))
    values[rng.random(values.shape) < 0.05] = np.nan
    return values, left


def test_trees_win_where_columns_act_together_and_regression_where_they_do_not() -> None:
    values, left = corners(500, 1)
    fitted = fit_model(values, left, categories=[2], seed=1)
    assert fitted.weights["small trees"] + fitted.weights["larger trees"] > 0.7
    rng = np.random.default_rng(2)
    numbers = rng.normal(size=(800, 3))
    straight = rng.random(800) < 1 / (1 + np.exp(-numbers @ np.array([1.0, -0.7, 0.4])))
    assert fit_model(numbers, straight, categories=[], seed=1).weights["logistic regression"] > 0.5


def test_probabilities_of_other_rows_are_calibrated_and_told_apart() -> None:
    values, left = corners(1000, 3)
    fitted = fit_model(values[:600], left[:600], categories=[2], seed=1)
    probability = fitted.probability(values[600:])
    assert roc_auc_score(left[600:], probability) > 0.72
    assert probability.mean() == pytest.approx(left[600:].mean(), abs=0.05)


def test_the_same_seed_gives_the_same_probabilities() -> None:
    values, left = corners(150, 4)
    one, other = (fit_model(values, left, categories=[2], seed=5).probability(values) for _ in range(2))
    np.testing.assert_array_equal(one, other)


def test_calibration_keeps_the_order_and_mends_margins_that_are_too_sure(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(6)
    margin = np.sort(rng.normal(size=4000))
    left = rng.random(4000) < 1 / (1 + np.exp(-margin))
    for least, method in ((10_000, "sigmoid"), (500, "mean of sigmoid and isotonic")):
        monkeypatch.setattr(model, "LEFT_FOR_ISOTONIC", least)
        fitted = calibrate(3 * margin, left)
        assert fitted.method == method
        probability = fitted.probability(3 * margin)
        assert (np.diff(probability) > 0).all()
        assert np.abs(probability - 1 / (1 + np.exp(-margin))).max() < 0.06


def test_the_threshold_gives_the_best_f1_there_is() -> None:
    rng = np.random.default_rng(7)
    left = rng.random(80) < 0.3
    probability = np.round(np.clip(left * 0.3 + rng.random(80) * 0.7, 0, 1), 1).astype(np.float64)
    best = max(f1_score(left, probability >= value) for value in np.unique(probability))
    assert f1_score(left, probability >= best_threshold(probability, left)) == best


def test_without_libgomp_scikit_learns_trees_do_and_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boosting, "_lightgbm", lambda: None)
    assert engine_name() == FALLBACK
    values, left = corners(500, 8)
    folds, growth = make_folds(left, 3, 1), Growth(leaves=6, rate=0.1, rounds=60)
    with threadpool_limits(1):
        one, other = (grow_trees(values, left, categories=[2], folds=folds, growth=growth, seed=1) for _ in range(2))
    np.testing.assert_array_equal(one.margins, other.margins)
    assert roc_auc_score(left, one.margins) > 0.7
    assert roc_auc_score(left, one.margin(values)) > 0.7


def test_large_tables_grow_one_kind_of_trees_with_more_rows_in_each_leaf() -> None:
    few, many = growths(500), growths(1_000_000)
    assert (len(few), len(many)) == (2, 1)
    assert max(growth.least_rows for growth in few.values()) < many["trees"].least_rows


def test_rows_of_one_group_stay_in_one_fold() -> None:
    rng = np.random.default_rng(9)
    groups = rng.integers(0, 40, 200)
    left = rng.random(200) < 0.4
    for learnt, judged in make_folds(left, 4, 1, groups):
        assert not set(groups[learnt]) & set(groups[judged])
