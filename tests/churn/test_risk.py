"""From margin to risk score and band: shares on the customers learnt from, and never out of order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from customer360.churn.risk import HIGH_RISK, LOW_RISK, MEDIUM_RISK, ScoreMap, band, freeze_scores

pytestmark = [pytest.mark.unit, pytest.mark.contract("S3.77")]
MARGINS = np.random.default_rng(1).normal(-3, 1.5, 20_000)


@pytest.mark.contract("X.35")
def test_bands_hold_the_shares_asked_for_among_those_learnt_from() -> None:
    bands = band(freeze_scores(MARGINS).score(MARGINS))
    shares = [float((bands == name).mean()) for name in (LOW_RISK, MEDIUM_RISK, HIGH_RISK)]
    assert shares == pytest.approx([0.75, 0.175, 0.075], abs=0.005)


@pytest.mark.parametrize(
    ("score", "name"),
    [(0, LOW_RISK), (39, LOW_RISK), (40, MEDIUM_RISK), (69, MEDIUM_RISK), (70, HIGH_RISK), (100, HIGH_RISK)],
)
def test_bands_begin_at_40_and_at_70(score: int, name: str) -> None:
    assert band(np.array([score])).tolist() == [name]


def test_a_score_just_below_a_band_is_not_in_it() -> None:
    scores = ScoreMap(np.array([0.0, 1.0]), np.array([0.0, 100.0]))
    assert scores.score(np.array([0.399, 0.3999999, 0.4, 0.699, 0.7])).tolist() == [39, 39, 40, 69, 70]


def test_margins_beyond_all_learnt_from_score_0_and_100() -> None:
    assert freeze_scores(MARGINS).score(np.array([-1e9, MARGINS.min(), MARGINS.max(), 1e9])).tolist() == [
        0,
        0,
        100,
        100,
    ]


@given(
    learnt=arrays(np.float64, st.integers(1, 60), elements=st.floats(-30, 30)),
    asked=arrays(np.float64, st.integers(1, 60), elements=st.floats(-50, 50)),
)
def test_scores_are_whole_within_bounds_and_rise_with_the_margin(
    learnt: np.ndarray[tuple[int], np.dtype[np.float64]], asked: np.ndarray[tuple[int], np.dtype[np.float64]]
) -> None:
    scores = freeze_scores(learnt).score(np.sort(asked))
    assert scores.dtype == np.int64
    assert 0 <= scores.min() <= scores.max() <= 100
    assert (np.diff(scores) >= 0).all()


def test_a_model_that_tells_nobody_apart_calls_nobody_a_risk() -> None:
    scores = freeze_scores(np.full(500, -2.0))
    assert band(scores.score(np.array([-2.0, -2.0]))).tolist() == [LOW_RISK, LOW_RISK]


def test_equal_margins_score_alike_and_as_their_middle() -> None:
    tied = np.concatenate([np.full(800, -4.0), np.linspace(-3, 2, 200)])
    scores = freeze_scores(tied)
    assert 15 <= scores.score(np.array([-4.0]))[0] <= 25
    assert (band(scores.score(tied)) != LOW_RISK).mean() == pytest.approx(0.2, abs=0.06)
