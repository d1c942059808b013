"""The population stability index, by hand."""

from __future__ import annotations

from math import log

import numpy as np
import pytest

from customer360.churn.stability import LEAST_SHARE, SHIFTED, STEADY, compare, learn_spread

pytestmark = [pytest.mark.unit, pytest.mark.contract("S3.87")]


def test_the_index_is_the_one_done_by_hand() -> None:
    """Half 0 and half 1 became a quarter and three quarters."""
    spread = learn_spread(np.array([0.0, 0.0, 1.0, 1.0]))
    assert (spread.edges, spread.shares) == ((1.0,), (0.5, 0.5, 0.0))
    by_hand = (0.25 - 0.5) * log(0.25 / 0.5) + (0.75 - 0.5) * log(0.75 / 0.5)
    assert spread.psi(np.array([0.0, 1.0, 1.0, 1.0])) == pytest.approx(by_hand)
    assert spread.psi(np.array([0.0, 1.0])) == 0


def test_what_is_newly_missing_counts() -> None:
    spread = learn_spread(np.array([0.0, 0.0, 1.0, 1.0]))
    by_hand = 2 * (0.25 - 0.5) * log(0.5) + (0.5 - LEAST_SHARE) * log(0.5 / LEAST_SHARE)
    assert spread.psi(np.array([0.0, 1.0, np.nan, np.nan])) == pytest.approx(by_hand)


def test_of_many_values_each_part_is_a_tenth() -> None:
    values = np.random.default_rng(1).normal(size=10_000)
    spread = learn_spread(values)
    assert len(spread.edges) == 9
    assert spread.shares == pytest.approx([0.1] * 10 + [0.0], abs=1e-3)
    other = np.random.default_rng(2).normal(size=10_000)
    assert spread.psi(other) < 0.01 < STEADY
    assert STEADY < spread.psi(other + 0.4) < SHIFTED < spread.psi(other + 1)


def test_a_constant_and_a_column_without_values_have_a_spread() -> None:
    assert learn_spread(np.full(5, 3.0)).psi(np.full(9, 3.0)) == 0
    assert learn_spread(np.full(5, np.nan)).psi(np.full(9, np.nan)) == 0
    assert learn_spread(np.full(5, np.nan)).psi(np.full(9, 1.0)) > SHIFTED


def test_names_come_by_their_index_the_greatest_first() -> None:
    learnt = np.arange(100.0)
    spreads = {"still": learn_spread(learnt), "moved": learn_spread(learnt)}
    assert list(compare(spreads, {"still": learnt, "moved": learnt + 50})) == ["moved", "still"]
