"""What customers may buy and spend: many futures of each, drawn from what is known of them, and the middle of those.

Chance is common to all: in one future everybody meets the same parameters, and those with the same number of purchases
the same rate. So what is drawn for a customer depends on the seed, the number of draws and their own history, not on
who else is simulated, in which order, or how many at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from customer360.errors import InvalidInput
from customer360.value.bg_nbd import BgNbd, distinct, log_odds_of_having_left
from customer360.value.fitting import CONFIDENCE, Floats
from customer360.value.model import ValueModel
from customer360.value.statistics import CustomerStatistics

SEED = 20_260_101
DRAWS = 2_000
CELLS = 500_000
"""Customers × draws that are held at a time."""
MOST = 1_000
"""Purchases of one customer that are drawn one by one; any more come at an even pace and cost the mean of these."""
COMMON, BUYING, SPENDING = range(3)
"""What a generator is for."""
LARGEST, SMALLEST = np.finfo(float).max, np.finfo(float).tiny


@dataclass(frozen=True)
class Intervals:
    """Between which bounds the middle of the futures lies: one entry per customer, in the order asked for."""

    confidence: float
    purchases_low: Floats
    purchases_high: Floats
    spend_low: Floats
    spend_high: Floats


@dataclass(frozen=True)
class Chance:
    """What is the same for all customers, one row per future."""

    seed: int
    buying: Floats
    """r, alpha, a and b of each future, (4, draws)."""
    spending: Floats
    """p, q and gamma of each future, (3, draws)."""
    patience: Floats
    """Who has left, or not: log-odds of having left below which a customer is still there."""
    moments: Floats
    """When the first, second … purchase of somebody comes who buys once a unit of time, (draws, MOST)."""
    amounts: Floats
    """What no, one, two … purchases cost together where the rate of values is 1, (draws, MOST + 1)."""


def simulate(
    model: ValueModel,
    statistics: CustomerStatistics,
    *,
    weeks: float,
    places: Sequence[int] | None = None,
    seed: int = SEED,
    draws: int = DRAWS,
    confidence: float = CONFIDENCE,
) -> Intervals:
    """Return intervals of the purchases and the spend of the customers at ``places``, or of all, from their futures.

    Each future draws parameters from the distribution of their estimates, then the customer's own rate, probability of
    leaving and value given what they bought, then what they buy. So an interval covers both how little is known and
    plain chance; it does not cover a model that is wrong.

    The share of futures beyond a bound has a standard error of 0.35 percentage points at 2,000 draws (0.5 at 1,000,
    0.25 at 4,000), and the bound itself one of 1 % for who buys often, 5 to 10 % for who hardly does. 50,000 customers
    take 3 to 7 seconds of one core, in proportion to the draws and to how many histories differ. As customers share
    their draws, they share this error; the same history has the same interval.

    Bounds are always numbers, also where the expected value is not (q at most 1), and 0 where hardly any future holds a
    purchase. Only an upper bound of spend that no number is large enough for is infinite.

    Raises:
        InvalidInput: there are no draws.
    """
    if draws < 1:
        raise InvalidInput(
            f"{draws} futures have no middle.",
            next_action="Draw at least one; bounds need some hundreds.",
            details=[{"field": "draws", "value": draws, "message": "fewer than 1"}],
        )
    different, place_of = distinct(_histories(statistics, places))
    chance = _draw_chance(model, seed, draws)
    bounds = np.empty((len(different), 4))
    step = max(1, CELLS // draws)
    for start in range(0, len(different), step):
        some = slice(start, start + step)
        purchases = _purchases(chance, different[some], weeks)
        bounds[some, :2] = _middle(purchases, confidence)
        bounds[some, 2:] = _middle(_spend(chance, different[some], purchases), confidence)
    return Intervals(confidence, *bounds[place_of].T)


def _histories(statistics: CustomerStatistics, places: Sequence[int] | None) -> Floats:
    """Return frequency, recency, age, value frequency and mean value, a row per customer."""
    history = statistics.frequency, statistics.recency, statistics.age
    columns = np.column_stack([*history, statistics.value_frequency, statistics.mean_value])
    return columns if places is None else columns[np.asarray(places, dtype=np.intp)]


def _draw_chance(model: ValueModel, seed: int, draws: int) -> Chance:
    generator = np.random.default_rng([seed, COMMON])
    buying, spending = (part.draw(generator, draws).T for part in (model.purchases, model.spend))
    patience = generator.logistic(size=draws)
    moments = generator.standard_exponential((draws, MOST)).cumsum(axis=1)
    amounts = np.zeros((draws, MOST + 1))
    generator.standard_gamma(spending[0][:, None], (draws, MOST)).cumsum(axis=1, out=amounts[:, 1:])
    return Chance(seed, buying, spending, patience, moments, amounts)


def _purchases(chance: Chance, histories: Floats, weeks: float) -> Floats:
    """Return how often each customer buys in each future: until the horizon, or the purchase after which they leave."""
    r, alpha, a, b = chance.buying
    frequency, recency, age = histories[:, :3].T[:, :, None]

    def draw(repeats: int) -> tuple[Floats, Floats]:
        generator = np.random.default_rng([chance.seed, BUYING, repeats])
        leaving = np.maximum(generator.beta(a, b + repeats), SMALLEST)
        return generator.standard_gamma(r + repeats), generator.geometric(leaving).astype(float)

    pace, last = _draw_by_number(histories[:, 0], draw)
    stays = log_odds_of_having_left(BgNbd(r, alpha, a, b), frequency, recency, age) < chance.patience
    wanted = _count(chance.moments, np.where(stays, pace / (alpha + age) * weeks, 0.0))
    return np.asarray(np.minimum(wanted, last))


def _draw_by_number(numbers: Floats, draw: Callable[[int], tuple[Floats, ...]]) -> Floats:
    """Return what is drawn once for each number and given to all customers that have it, (…, customers, draws)."""
    different, place_of = np.unique(numbers, return_inverse=True)
    return np.stack([draw(int(number)) for number in different], axis=1)[:, place_of]


def _count(moments: Floats, ends: Floats) -> Floats:
    """Return how many moments of each future have come by the ends, (customers, draws)."""
    ends = np.ascontiguousarray(ends.T)
    counted = np.floor(np.maximum(ends - moments[:, -1:], 0.0))
    for future, own in enumerate(moments):
        counted[future] += own.searchsorted(ends[future], side="right")
    return counted.T


def _spend(chance: Chance, histories: Floats, purchases: Floats) -> Floats:
    """Return what the purchases of each customer cost in each future."""
    p, q, gamma = chance.spending
    frequency, mean_value = histories[:, 3:].T[:, :, None]

    def draw(number: int) -> tuple[Floats]:
        generator = np.random.default_rng([chance.seed, SPENDING, number])
        return (generator.standard_gamma(p * number + q),)

    [rate] = _draw_by_number(histories[:, 3], draw)
    of_future = np.arange(len(p)) * (MOST + 1)
    amount = chance.amounts.ravel().take(of_future + np.minimum(purchases, MOST).astype(np.intp))
    amount *= np.maximum(purchases / MOST, 1.0)
    with np.errstate(divide="ignore", over="ignore"):
        return np.asarray(amount * np.minimum((gamma + frequency * mean_value) / rate, LARGEST))


def _middle(futures: Floats, confidence: float) -> Floats:
    """Return the bounds of each customer, (customers, 2)."""
    shares = [(1 - confidence) / 2, (1 + confidence) / 2]
    return np.asarray(np.quantile(futures, shares, axis=1, method="inverted_cdf").T)
