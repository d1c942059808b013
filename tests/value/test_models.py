"""The likelihoods, their gradients and what follows from them, against slower ways to the same figures."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import beta as beta_function
from scipy.special import gamma as gamma_function
from scipy.special import hyp2f1
from scipy.stats import gamma as gamma_distribution

from customer360.errors import NotIdentified
from customer360.value import ValueModel, bg_nbd, gamma_gamma
from customer360.value.bg_nbd import (
    BgNbd,
    expected_purchases,
    fit_bg_nbd,
    group,
    probability_alive,
)
from customer360.value.fitting import Estimate, Floats
from customer360.value.gamma_gamma import GammaGamma, expected_value, fit_gamma_gamma, value_of
from tests.value.conftest import PAPER_MODEL as PAPER
from tests.value.conftest import Histories, draw_histories, draw_values

pytestmark = pytest.mark.unit

OTHER = BgNbd(1.7, 9.0, 2.4, 3.1)
SPEND = GammaGamma(6.25, 3.74, 15.44)


@pytest.fixture(scope="module")
def drawn() -> Histories:
    return draw_histories(PAPER, 20_000, weeks=30, seed=1)


def naive_likelihood(model: BgNbd, x: float, recency: float, age: float) -> float:
    """Return FHL 2005, equation 6, as it is printed."""
    r, alpha, a, b = model
    rate = gamma_function(r + x) * alpha**r / gamma_function(r)
    alive = beta_function(a, b + x) / beta_function(a, b) * rate / (alpha + age) ** (r + x)
    gone = beta_function(a + 1, b + x - 1) / beta_function(a, b) * rate / (alpha + recency) ** (r + x) if x else 0.0
    return float(alive + gone)


@pytest.mark.parametrize("model", [PAPER, OTHER])
def test_the_likelihood_is_the_printed_one_for_each_customer(model: BgNbd, drawn: Histories) -> None:
    x, recency, age, _ = (column[:500] for column in drawn)
    printed = [math.log(naive_likelihood(model, *one)) for one in zip(x, recency, age, strict=True)]
    assert bg_nbd.log_likelihood(model, x, recency, age) == pytest.approx(printed, rel=1e-10)


@pytest.mark.parametrize("model", [PAPER, OTHER])
def test_grouped_customers_have_the_likelihood_of_them_all(model: BgNbd, drawn: Histories) -> None:
    history = drawn.frequency, np.round(drawn.recency), np.round(drawn.age)
    grouped = group(*history)
    assert len(grouped.weight) < len(drawn.age) / 4
    assert grouped.weight.sum() == len(drawn.age)
    together = bg_nbd.score(model, grouped)[0]
    assert together == pytest.approx(bg_nbd.log_likelihood(model, *history).sum(), rel=1e-12)


def slopes(score: Callable[[Floats], tuple[float, Floats]], logarithms: Floats) -> list[float]:
    """Return central differences of a likelihood."""
    step = 1e-5 * np.eye(len(logarithms))
    return [(score(logarithms + s)[0] - score(logarithms - s)[0]) / 2e-5 for s in step]


@pytest.mark.parametrize("model", [PAPER, OTHER])
def test_the_gradient_of_purchases_is_that_of_finite_differences(model: BgNbd, drawn: Histories) -> None:
    customers = group(*(column[:300] for column in drawn[:3]))
    found = bg_nbd.score(model, customers)[1]
    assert found == pytest.approx(
        slopes(lambda at: bg_nbd.score(BgNbd(*np.exp(at)), customers), np.log(model)), rel=1e-6, abs=1e-5
    )


@pytest.mark.parametrize("model", [SPEND, GammaGamma(1.2, 2.0, 300.0)])
def test_the_gradient_and_height_of_values_are_those_of_every_customer(model: GammaGamma, drawn: Histories) -> None:
    x = drawn.frequency[drawn.frequency > 0][:300]
    z = draw_values(SPEND, x, seed=3)
    customers = value_of(x, z)
    height, found = gamma_gamma.score(model, customers)
    assert height == pytest.approx(gamma_gamma.log_likelihood(model, x, z).sum(), rel=1e-12)
    assert found == pytest.approx(
        slopes(lambda at: gamma_gamma.score(GammaGamma(*np.exp(at)), customers), np.log(model)), rel=1e-6, abs=1e-5
    )


def test_drawn_customers_give_back_the_parameters_they_were_drawn_with(drawn: Histories) -> None:
    found = fit_bg_nbd(*drawn[:3])
    assert_within(found, PAPER)
    z = draw_values(SPEND, drawn.frequency, seed=2)
    assert_within(fit_gamma_gamma(drawn.frequency, z), SPEND)


def assert_within(found: Estimate, true: tuple[float, ...]) -> None:
    for name, value in zip(found.names, true, strict=True):
        low, high = found.interval(name, confidence=0.999)
        assert low < value < high, (name, low, high)


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    held = np.zeros(4)
    for seed in range(60):
        drawn = draw_histories(OTHER, 3_000, weeks=1, seed=100 + seed)
        found = fit_bg_nbd(*drawn[:3])
        intervals = [found.interval(name) for name in found.names]
        held += [low < true < high for (low, high), true in zip(intervals, OTHER, strict=True)]
    assert (held / 60 > 0.85).all(), held


def test_what_is_expected_is_what_drawn_customers_then_buy(drawn: Histories) -> None:
    expected = expected_purchases(PAPER, *drawn[:3], weeks=30)
    for low, high in ((0, 0), (1, 2), (3, 6), (7, 1000)):
        some = (drawn.frequency >= low) & (drawn.frequency <= high)
        noise = drawn.later[some].std() / math.sqrt(some.sum())
        assert abs(expected[some].mean() - drawn.later[some].mean()) < 4 * noise, (low, high)


def test_nobody_has_left_without_a_repeat_purchase() -> None:
    alive = probability_alive(PAPER, np.zeros(3), np.zeros(3), np.array([0.0, 10.0, 500.0]))
    assert alive.tolist() == [1.0, 1.0, 1.0]


def test_who_bought_often_and_then_stopped_has_left() -> None:
    same_pace = probability_alive(PAPER, np.full(3, 20.0), np.array([39.0, 30.0, 10.0]), np.full(3, 40.0))
    assert same_pace[0] > 0.9
    assert same_pace[2] < 0.1
    assert (np.diff(same_pace) < 0).all()


def test_probability_alive_is_the_share_of_the_likelihood_in_which_the_customer_stays() -> None:
    x, recency, age = np.array([3.0]), np.array([12.0]), np.array([30.0])
    r, alpha, a, b = PAPER
    alive = beta_function(a, b + 3) / beta_function(a, b) * gamma_function(r + 3) * alpha**r / gamma_function(r)
    alive /= (alpha + 30) ** (r + 3)
    [found] = probability_alive(PAPER, x, recency, age)
    assert found == pytest.approx(alive / naive_likelihood(PAPER, 3, 12, 30), rel=1e-12)


@pytest.mark.parametrize("model", [PAPER, OTHER, BgNbd(0.5, 6, 1.0, 2), BgNbd(0.8, 70, 0.01, 5)])
def test_expected_purchases_rise_with_the_horizon_from_nil(model: BgNbd, drawn: Histories) -> None:
    history = [column[:200] for column in drawn[:3]]
    horizons = [expected_purchases(model, *history, weeks=weeks) for weeks in (1e-9, 1, 10, 100, 1000)]
    assert (horizons[0] < 1e-6).all()
    assert (np.diff(horizons, axis=0) > 0).all()


@pytest.mark.parametrize("a", [0.01, 0.5, 0.9999, 1.0, 1.00001, 1.5, 8.0, 40.0])
def test_the_closed_form_and_the_integral_agree_also_around_the_pole(a: float, drawn: Histories) -> None:
    model = BgNbd(0.4, 5.0, a, 2.5)
    history = [column[:2000] for column in drawn[:3]]
    closed = expected_purchases(model, *history, weeks=26)
    alive = probability_alive(model, *history)
    integrated = bg_nbd.integrate_purchases(model, history[0], history[2], weeks=26) * alive
    assert closed == pytest.approx(integrated, rel=1e-6)


def test_where_the_series_overflows_the_integral_answers() -> None:
    x, recency, age = np.array([900.0]), np.array([1.0]), np.array([1.0])
    with np.errstate(all="ignore"):
        assert not np.isfinite(hyp2f1(900.4, 902.5, 902.3, 500 / 506))
    [expected] = expected_purchases(BgNbd(0.4, 5.0, 0.8, 2.5), x, recency, age, weeks=500)
    assert 0 < expected < 900 * 500


def test_where_nobody_leaves_everybody_is_expected_to_go_on_at_their_rate() -> None:
    r, alpha, *_ = model = BgNbd(*np.exp(np.log([0.8, 5.0, *bg_nbd.STAYING])))
    x, recency, age = np.array([0.0, 3.0, 900.0]), np.array([0.0, 12.0, 1.0]), np.array([30.0, 30.0, 100.0])
    assert expected_purchases(model, x, recency, age, weeks=1000) == pytest.approx(1000 * (r + x) / (alpha + age))


def test_a_new_customer_is_expected_to_buy_as_equation_9_says() -> None:
    """FHL 2005, equation 9: purchases from the first one on, of somebody drawn at random."""
    r, alpha, a, b = PAPER
    printed = (a + b - 1) / (a - 1) * (1 - (alpha / (alpha + 39)) ** r * hyp2f1(r, b, a + b - 1, 39 / (alpha + 39)))
    nothing = np.zeros(1)
    assert expected_purchases(PAPER, nothing, nothing, nothing, weeks=39) == pytest.approx([printed])


def test_an_expected_value_lies_between_the_customers_and_the_mean_of_all() -> None:
    everyone = SPEND.p * SPEND.gamma / (SPEND.q - 1)
    values = expected_value(SPEND, np.array([0.0, 1.0, 4.0, 1e6]), np.array([0.0, 100.0, 100.0, 100.0]))
    assert values[0] == pytest.approx(everyone)
    assert (np.diff(values) > 0).all()
    assert values[3] == pytest.approx(100, rel=1e-4)


def test_a_mean_that_is_infinite_is_not_given() -> None:
    values = expected_value(GammaGamma(2.0, 0.9, 10.0), np.array([0.0, 2.0]), np.array([0.0, 5.0]))
    assert np.isnan(values[0])
    assert values[1] > 0


def test_customers_who_never_came_back_are_refused() -> None:
    once, age = np.zeros(500), np.linspace(1, 50, 500)
    with pytest.raises(NotIdentified, match="Only 0 of 500 customers bought on a second day") as refused:
        fit_bg_nbd(once, once, age)
    assert refused.value.details[0]["field"] == "repeat_customers"


def test_customers_who_are_all_alike_are_refused() -> None:
    same = np.full(500, 3.0)
    with pytest.raises(NotIdentified, match="do not determine the model"):
        fit_bg_nbd(same, np.full(500, 10.0), np.full(500, 11.0))
    with pytest.raises(NotIdentified, match="do not determine the model"):
        fit_gamma_gamma(same, np.full(500, 20.0))


def test_amounts_of_nil_are_refused() -> None:
    with pytest.raises(NotIdentified, match="Only 0 customers have a repeat purchase with an amount above 0"):
        fit_gamma_gamma(np.zeros(500), np.zeros(500))


def test_money_in_another_unit_changes_gamma_alone(drawn: Histories) -> None:
    z = draw_values(SPEND, drawn.frequency, seed=2)
    pounds, pence = fit_gamma_gamma(drawn.frequency, z), fit_gamma_gamma(drawn.frequency, 100 * z)
    assert pence.values / pounds.values == pytest.approx([1, 1, 100], rel=1e-6)
    in_pounds = gamma_gamma.log_likelihood(GammaGamma(*pounds.values), *_valued(drawn.frequency, z)).sum()
    assert pounds.log_likelihood == pytest.approx(in_pounds, rel=1e-10)


def _valued(frequency: Floats, z: Floats) -> tuple[Floats, Floats]:
    return frequency[frequency > 0], z[frequency > 0]


def test_where_all_leave_alike_the_share_is_found_and_said() -> None:
    """Frequent buyers, of whom each purchase is the last one with the same probability of 0.5 %."""
    share = 0.005
    drawn = draw_histories(BgNbd(9.0, 4.0, 1e6 * share, 1e6 * (1 - share)), 4000, weeks=30, seed=5)
    found = fit_bg_nbd(*drawn[:3])
    assert found.fixed.keys() == {"b"}
    r, alpha, a, b = found.values
    assert a / (a + b) == pytest.approx(share, rel=0.15)
    expected = expected_purchases(BgNbd(r, alpha, a, b), *drawn[:3], weeks=30)
    assert expected.sum() == pytest.approx(drawn.later.sum(), rel=0.03)
    spend = fit_gamma_gamma(drawn.frequency, draw_values(SPEND, drawn.frequency, seed=2))
    [warning] = ValueModel(found, spend).warnings
    assert "all do so alike" in warning


def test_where_leaving_is_alike_what_is_expected_is_the_mean_over_rates() -> None:
    """Of somebody with rate λ and probability p of leaving, (1 − exp(−λpt)) / p are expected (FHL 2005)."""
    model, x, recency, age, weeks = BgNbd(9.0, 4.0, 6e3, 1e6), 3.0, 29.0, 30.0, 52.0
    share = model.a / (model.a + model.b)
    rates = gamma_distribution(model.r + x, scale=1 / (model.alpha + age))
    if_alive, _ = quad(lambda rate: rates.pdf(rate) * -math.expm1(-rate * share * weeks) / share, 0, np.inf)
    history = np.array([x]), np.array([recency]), np.array([age])
    expected = if_alive * probability_alive(model, *history)
    assert expected_purchases(model, *history, weeks=weeks) == pytest.approx(expected)


def test_where_means_say_for_certain_what_purchases_are_worth_each_keeps_their_own(drawn: Histories) -> None:
    """Amounts of a customer that hardly vary: the likelihood rises with p without end."""
    steady = GammaGamma(1e7, 3.0, 2e-6)
    found = fit_gamma_gamma(drawn.frequency, draw_values(steady, drawn.frequency, seed=2))
    assert found.fixed.keys() == {"p"}
    model = GammaGamma(*found.values)
    assert model.q == pytest.approx(3.0, rel=0.15)
    assert model.p * model.gamma == pytest.approx(20.0, rel=0.15)
    assert expected_value(model, np.array([5.0]), np.array([70.0])) == pytest.approx([70.0], rel=1e-3)
