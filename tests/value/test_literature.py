"""The figures that the papers print, on the data that they print them for."""

from __future__ import annotations

import numpy as np
import pytest

from customer360.value import CustomerStatistics, ValueModel, evaluate, fit_value, simulate
from customer360.value.bg_nbd import BgNbd, expected_purchases

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def model(cdnow: CustomerStatistics) -> ValueModel:
    return fit_value(cdnow)


def test_the_sample_is_the_one_of_the_papers(cdnow: CustomerStatistics) -> None:
    assert (len(cdnow), cdnow.repeating) == (2357, 946)
    assert (cdnow.frequency == 0).sum() == 1411
    assert cdnow.later_purchases[cdnow.frequency == 0].sum() == 334


def test_bg_nbd_has_the_parameters_and_the_likelihood_of_fader_hardie_and_lee_2005(model: ValueModel) -> None:
    assert np.round(model.purchases.values, 3).tolist() == [0.243, 4.414, 0.793, 2.426]
    assert round(model.purchases.log_likelihood, 1) == -9582.4


def test_gamma_gamma_has_the_parameters_of_fader_and_hardie_2013(model: ValueModel) -> None:
    assert np.round(model.spend.values, 2).tolist() == [6.25, 3.74, 15.44]


def test_a_customer_of_the_spreadsheet_note_is_expected_to_buy_as_often(model: ValueModel) -> None:
    """Note 004: 1.226 purchases in the next 39 weeks after two repeat purchases."""
    history = np.array([2.0]), np.array([30.43]), np.array([38.86])
    [expected] = expected_purchases(BgNbd(0.2426, 4.4136, 0.7929, 2.4259), *history, weeks=39)
    assert round(expected, 3) == 1.226
    [ours] = expected_purchases(model.bg_nbd, *history, weeks=39)
    assert round(ours, 3) == 1.226


def test_customers_without_a_repeat_buy_as_often_as_figure_4_of_2005_shows(
    cdnow: CustomerStatistics, model: ValueModel
) -> None:
    """FHL 2005: 0.23 expected of them in the holdout; 334 / 1,411 = 0.24 happened."""
    once = cdnow.frequency == 0
    expected = expected_purchases(model.bg_nbd, cdnow.frequency[once], cdnow.recency[once], cdnow.age[once], weeks=39)
    assert round(expected.mean(), 2) == 0.23


def test_the_mean_value_is_within_cents_of_what_was_observed(cdnow: CustomerStatistics, model: ValueModel) -> None:
    """FH 2013: the model's mean differs from the mean of the observed ones by $0.09."""
    observed = cdnow.mean_value[cdnow.value_frequency > 0].mean()
    assert model.mean_value is not None
    assert abs(round(model.mean_value - observed, 2)) == 0.09


def test_frequency_and_value_hardly_correlate(cdnow: CustomerStatistics) -> None:
    assert cdnow.spend_correlation == pytest.approx(0.11, abs=0.005)


def test_the_holdout_is_foretold_better_than_by_the_same_pace(cdnow: CustomerStatistics, model: ValueModel) -> None:
    holdout = evaluate(model, cdnow)
    assert holdout.purchases.actual == 1882
    assert (holdout.purchases.correlation or 0) > (holdout.same_pace.correlation or 0) + 0.03
    assert abs(holdout.purchases.bias or 1) < abs(holdout.same_pace.bias or 0) / 3


def test_what_customers_then_spent_is_within_their_intervals_about_as_often_as_those_say(
    cdnow: CustomerStatistics, model: ValueModel
) -> None:
    found = simulate(model, cdnow, weeks=39)
    within = (found.spend_low <= cdnow.later_spend) & (cdnow.later_spend <= found.spend_high)
    assert round(within.mean(), 3) == 0.956, "as docs/value.md says"
