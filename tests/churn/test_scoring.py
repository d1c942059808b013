"""Figures against scikit-learn's and by hand, and intervals that hold what they promise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from customer360.churn.scoring import Scored, auc, draw_count, figures, judge, resamples, tenths

pytestmark = [pytest.mark.unit, pytest.mark.contract("S3.84")]


@given(seed=st.integers(0, 10_000), steps=st.sampled_from([2, 7, 1000]))
@settings(max_examples=30, deadline=None)
def test_figures_are_scikit_learns_for_weighted_rows_and_ties(seed: int, steps: int) -> None:
    rng = np.random.default_rng(seed)
    left = rng.permutation(np.arange(60) < 20)
    probability = np.round(rng.random(60) * steps) / steps
    weights = rng.integers(0, 4, (1, 60)).astype(float)
    weights[0, np.flatnonzero(left)[0]] = weights[0, np.flatnonzero(~left)[0]] = 1
    scored = Scored(probability, probability >= 0.5)
    found = {name: float(values[0]) for name, values in figures(scored, left, weights).items()}
    given_weights = {"sample_weight": weights[0]}
    called = {"y_true": left, "y_pred": scored.flagged, "zero_division": 0.0} | given_weights
    assert found["auc"] == pytest.approx(metrics.roc_auc_score(left, probability, **given_weights))
    assert found["pr_auc"] == pytest.approx(metrics.average_precision_score(left, probability, **given_weights))
    assert found["brier"] == pytest.approx(metrics.brier_score_loss(left, probability, **given_weights))
    assert found["f1"] == pytest.approx(metrics.f1_score(**called))
    assert found["precision"] == pytest.approx(metrics.precision_score(**called))
    assert found["recall"] == pytest.approx(metrics.recall_score(**called))


def test_figures_by_hand() -> None:
    left = np.array([True, False, True, False])
    scored = Scored(np.array([0.9, 0.8, 0.3, 0.3]), np.array([True, True, False, False]))
    found = {name: float(values[0]) for name, values in figures(scored, left, np.ones((1, 4))).items()}
    assert found["auc"] == pytest.approx((1 + 1 + 0 + 0.5) / 4)
    assert found["pr_auc"] == pytest.approx(0.5 * 1 + 0.5 * 2 / 4)
    assert (found["f1"], found["precision"], found["recall"]) == (0.5, 0.5, 0.5)
    assert found["brier"] == pytest.approx((0.01 + 0.64 + 0.49 + 0.09) / 4)


def test_tenths_are_as_large_as_each_other_and_ordered() -> None:
    score = np.random.default_rng(1).random(103)
    tenth = tenths(score)
    assert set(np.bincount(tenth)) == {10, 11}
    assert all(score[tenth == number].min() >= score[tenth == number + 1].max() for number in range(9))


def test_lift_by_hand() -> None:
    left = np.arange(100) < 20
    judged = judge({"model": Scored(np.linspace(1, 0, 100), left)}, left, seed=1, draws=50)
    assert [tenth.lift.estimate for tenth in judged.tenths] == [5.0, 5.0, *[0.0] * 8]
    assert [tenth.captured for tenth in judged.tenths] == [0.5, *[1.0] * 9]


def test_resamples_keep_both_outcomes_and_repeat_at_a_seed() -> None:
    left = np.arange(30) < 4
    drawn = np.concatenate(list(resamples(left, 20, seed=3)))
    assert (drawn[:, left].sum(axis=1) == 4).all()
    assert (drawn[:, ~left].sum(axis=1) == 26).all()
    np.testing.assert_array_equal(drawn, np.concatenate(list(resamples(left, 20, seed=3))))


def test_there_are_a_thousand_draws_and_fewer_on_large_tables() -> None:
    assert [draw_count(rows) for rows in (500, 20_000, 40_000, 10_000_000)] == [1000, 1000, 500, 200]


def test_intervals_hold_the_truth_about_as_often_as_they_promise() -> None:
    rng, held, truth = np.random.default_rng(5), 0, 0.7602
    for number in range(60):
        left = np.arange(200) < 60
        score = rng.normal(size=200) + left
        judged = judge({"model": Scored(score, score > 0)}, left, seed=number, draws=200)
        low, high = judged.figures["model"]["auc"].interval
        held += low <= truth <= high
    assert 52 <= held <= 60


def test_scores_are_compared_on_the_same_resamples() -> None:
    rng = np.random.default_rng(2)
    left = np.arange(300) < 100
    good, same = Scored(rng.random(300) + left, left), Scored(rng.random(300), left)
    judged = judge({"model": good, "twin": good, "noise": same}, left, seed=1, draws=100)
    assert judged.differences["twin"]["auc"].interval == (0.0, 0.0)
    assert judged.differences["noise"]["auc"].interval[0] > 0.3
    assert judged.figures["noise"]["auc"].estimate == pytest.approx(auc(same.probability, left))
