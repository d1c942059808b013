"""Intervals of single customers: against what drawn customers then do, and against one future after the other."""

from __future__ import annotations

import numpy as np
import pytest

from customer360.errors import InvalidInput
from customer360.value import Intervals, ValueModel, fit_value, predict, simulate, simulation
from customer360.value.bg_nbd import STAYING, BgNbd
from customer360.value.fitting import Estimate, Floats
from customer360.value.gamma_gamma import GammaGamma
from tests.value.conftest import PAPER_MODEL, Row, draw_histories, statistics_of

pytestmark = pytest.mark.unit

OFTEN = BgNbd(2.0, 3.0, 0.6, 9.0)
SPEND = GammaGamma(6.25, 3.74, 15.44)
WEEKS = 30.0
ROWS: list[Row] = [
    (0, 0, 40, 0, 0),
    (2, 30, 38, 2, 22.5),
    (5, 10, 40, 4, 60.0),
    (12, 39, 40, 12, 31.0),
    (60, 58, 59, 60, 18.0),
]


def known(bg_nbd: BgNbd, spend: GammaGamma, *, doubt: float = 0.0) -> ValueModel:
    """Return a model whose parameters are known but for ``doubt``, the standard error of their logarithms."""
    purchases, values = (
        Estimate(model._fields, np.log(model), doubt**2 * np.eye(len(model)), 0.0) for model in (bg_nbd, spend)
    )
    return ValueModel(purchases, values)


def columns(found: Intervals) -> Floats:
    return np.array([found.purchases_low, found.purchases_high, found.spend_low, found.spend_high])


def draw_spend(frequency: Floats, later: Floats, *, seed: int) -> tuple[Floats, Floats]:
    """Draw the mean value of each customer's purchases, 0 without any, and what the later ones cost, by Gamma-Gamma."""
    generator = np.random.default_rng(seed)
    rate = generator.gamma(SPEND.q, 1 / SPEND.gamma, len(frequency))
    before, after = (generator.gamma(SPEND.p * count) / rate for count in (frequency, later))
    return np.asarray(before / np.maximum(frequency, 1)), np.asarray(after)


@pytest.mark.parametrize("bg_nbd", [PAPER_MODEL, OFTEN])
def test_bounds_cut_off_as_many_drawn_customers_as_they_say(bg_nbd: BgNbd) -> None:
    drawn = draw_histories(bg_nbd, 8_000, weeks=WEEKS, seed=21)
    mean_value, spend = draw_spend(drawn.frequency, drawn.later, seed=22)
    statistics = statistics_of(np.column_stack([*drawn[:3], drawn.frequency, mean_value]))
    found = simulate(fit_value(statistics), statistics, weeks=WEEKS)
    for low, high, actual in (
        (found.purchases_low, found.purchases_high, drawn.later),
        (found.spend_low, found.spend_high, spend),
    ):
        assert ((low <= actual) & (actual <= high)).mean() > 0.945
        assert (actual < low).mean() < 0.03
    spends, surely = found.spend_high > 0, found.spend_low > 0
    assert (spend > found.spend_high)[spends].mean() == pytest.approx(0.025, abs=0.007)
    assert (spend > found.spend_high)[~spends].sum() <= 0.03 * (~spends).sum()
    if bg_nbd is OFTEN:
        assert (spend < found.spend_low)[surely].mean() == pytest.approx(0.025, abs=0.007)


def slow_futures(model: ValueModel, row: Row, *, weeks: float, size: int) -> tuple[Floats, Floats]:
    """Return purchases and spend of one customer, future by future and purchase by purchase."""
    generator = np.random.default_rng(5)
    frequency, recency, age, value_frequency, mean_value = row
    purchases, spend = np.zeros(size), np.zeros(size)
    pairs = zip(model.purchases.draw(generator, size), model.spend.draw(generator, size), strict=True)
    for future, ((r, alpha, a, b), (p, q, gamma)) in enumerate(pairs):
        odds = a / (b + frequency - 1) * ((alpha + age) / (alpha + recency)) ** (r + frequency) if frequency else 0.0
        rate = generator.gamma(r + frequency) / (alpha + age)
        leaving = generator.beta(a, b + frequency)
        rate_of_value = generator.gamma(p * value_frequency + q) / (gamma + value_frequency * mean_value)
        is_customer, now = generator.random() < 1 / (1 + odds), generator.exponential() / rate
        while is_customer and now <= weeks:
            purchases[future] += 1
            spend[future] += generator.gamma(p) / rate_of_value
            is_customer, now = generator.random() >= leaving, now + generator.exponential() / rate
    return purchases, spend


@pytest.mark.parametrize("row", ROWS)
def test_bounds_are_those_of_futures_drawn_one_after_the_other(row: Row) -> None:
    model = known(PAPER_MODEL, SPEND, doubt=0.1)
    purchases, spend = slow_futures(model, row, weeks=52, size=6_000)
    found = simulate(model, statistics_of([row]), weeks=52)
    [low], [high], [spend_low], [spend_high] = columns(found)
    assert (spend <= spend_high).mean() == pytest.approx(0.975, abs=0.012)
    assert (purchases <= high).mean() >= 0.975 - 0.012
    assert (purchases < high).mean() < 0.975 + 0.012
    assert (purchases < low).mean() < 0.025 + 0.012
    assert (spend < spend_low).mean() < 0.025 + 0.012


def test_an_interval_does_not_depend_on_who_else_is_simulated_or_how_many_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model, everyone = known(PAPER_MODEL, SPEND, doubt=0.1), statistics_of([*ROWS, ROWS[1], *ROWS[::-1]])
    found = columns(simulate(model, everyone, weeks=52))
    assert (found[:, 1] == found[:, 5]).all(), "the same history has the same interval"
    assert (found == columns(simulate(model, everyone, weeks=52))).all(), "the seed is fixed"
    assert (found[:, [3, 0]] == columns(simulate(model, everyone, weeks=52, places=[3, 0]))).all()
    monkeypatch.setattr(simulation, "CELLS", 1)
    assert (found == columns(simulate(model, everyone, weeks=52))).all()
    assert (found != columns(simulate(model, everyone, weeks=52, seed=1))).any()


def test_more_confidence_gives_wider_intervals() -> None:
    model, statistics = known(OFTEN, SPEND), statistics_of(ROWS)
    narrow, wide = (simulate(model, statistics, weeks=52, confidence=share) for share in (0.5, 0.99))
    assert (narrow.confidence, wide.confidence) == (0.5, 0.99)
    assert (wide.spend_low <= narrow.spend_low).all()
    assert (wide.spend_high > narrow.spend_high).all()


def test_where_the_mean_value_is_infinite_bounds_are_numbers() -> None:
    model, statistics = known(PAPER_MODEL, GammaGamma(2.0, 0.8, 10.0), doubt=0.2), statistics_of(ROWS)
    assert np.isnan(predict(model, statistics, weeks=52).spend[0])
    found = columns(simulate(model, statistics, weeks=52))
    assert np.isfinite(found).all()
    assert found[3, 0] > 0


def test_where_a_value_exceeds_every_number_the_upper_bound_is_infinite_and_nothing_bought_still_costs_nothing() -> (
    None
):
    model, statistics = known(OFTEN, GammaGamma(2.0, 1e-5, 10.0)), statistics_of([(0, 0, 40, 0, 0)])
    found = simulate(model, statistics, weeks=52)
    assert found.spend_high.tolist() == [np.inf]
    assert (found.purchases_low[0], found.spend_low[0]) == (0, 0)


def test_where_nobody_leaves_who_buys_often_goes_on() -> None:
    model = known(BgNbd(0.8, 5.0, *STAYING), SPEND)
    found = simulate(model, statistics_of([(60, 20, 59, 60, 18.0), (0, 0, 59, 0, 0)]), weeks=52)
    assert found.purchases_low[0] > 20
    assert np.isfinite(columns(found)).all()


def test_who_has_bought_nothing_of_value_spends_as_somebody_unknown_does() -> None:
    model = known(OFTEN, SPEND)
    bought, unknown = (10, 39, 40, 10, 9.0), (10, 39, 40, 0, 0.0)
    found = simulate(model, statistics_of([bought, unknown]), weeks=52)
    assert found.purchases_low[0] == found.purchases_low[1], "how often is known all the same"
    assert found.purchases_high[0] == found.purchases_high[1]
    assert found.spend_high[1] > 1.3 * found.spend_high[0], "what is not known of a value makes the interval wider"


def test_more_purchases_than_are_drawn_one_by_one_are_counted_on() -> None:
    model, statistics = known(BgNbd(0.8, 5.0, *STAYING), SPEND), statistics_of([(900, 99, 100, 900, 20.0)])
    predicted = predict(model, statistics, weeks=1_000)
    assert predicted.purchases[0] > 8 * simulation.MOST
    found = simulate(model, statistics, weeks=1_000)
    [low], [high], [spend_low], [spend_high] = columns(found)
    relative = np.array([low, high]) / predicted.purchases[0]
    assert relative == pytest.approx(1 + np.array([-1, 1]) * 1.96 / np.sqrt(900), abs=0.02)
    assert spend_low < predicted.spend[0] < spend_high
    assert (spend_high - spend_low) / predicted.spend[0] == pytest.approx(relative[1] - relative[0], rel=0.4)


def test_nobody_has_no_intervals_and_no_draws_are_refused() -> None:
    assert columns(simulate(known(OFTEN, SPEND), statistics_of(ROWS), weeks=52, places=[])).shape == (4, 0)
    with pytest.raises(InvalidInput, match="0 futures have no middle"):
        simulate(known(OFTEN, SPEND), statistics_of(ROWS), weeks=52, draws=0)
