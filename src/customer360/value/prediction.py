"""What to expect of each customer in the weeks after the calibration, and how far off the total of that may be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import norm

from customer360.value.bg_nbd import expected_purchases, probability_alive
from customer360.value.fitting import CONFIDENCE, STEP, Estimate, Floats
from customer360.value.gamma_gamma import expected_value
from customer360.value.model import ValueModel
from customer360.value.statistics import CustomerStatistics

Interval = tuple[float, float]


@dataclass(frozen=True)
class Prediction:
    """Expectations over ``weeks``, one entry per customer in the order of the statistics."""

    weeks: float
    purchases: Floats
    probability_alive: Floats
    value: Floats
    """What a purchase is worth on average; not a number where that is infinite."""

    @property
    def spend(self) -> Floats:
        """Purchases × value: how often and how much are independent in the model."""
        return self.purchases * self.value

    def largest(self, limit: int) -> list[int]:
        """Return the places of the customers with the largest expected spend, those first that come first in a tie."""
        return [int(place) for place in np.argsort(-np.nan_to_num(self.spend), kind="stable")[:limit]]


def predict(model: ValueModel, statistics: CustomerStatistics, *, weeks: float) -> Prediction:
    """Return what to expect of every customer in the ``weeks`` after the calibration."""
    history = statistics.frequency, statistics.recency, statistics.age
    return Prediction(
        weeks=weeks,
        purchases=expected_purchases(model.bg_nbd, *history, weeks=weeks),
        probability_alive=probability_alive(model.bg_nbd, *history),
        value=expected_value(model.gamma_gamma, statistics.value_frequency, statistics.mean_value),
    )


def total_intervals(
    model: ValueModel, statistics: CustomerStatistics, *, weeks: float, confidence: float = CONFIDENCE
) -> tuple[Interval, Interval]:
    """Return intervals of the expected purchases and spend of all customers together, by the delta method.

    They cover how well the parameters are known. Chance evens out over many customers and is not in them, nor is a
    model that is wrong.
    """
    purchases, spend = _totals(model, statistics, weeks)
    by_rate = _slopes(model.purchases, lambda one: _totals(replace(model, purchases=one), statistics, weeks))
    by_value = _slopes(model.spend, lambda one: _totals(replace(model, spend=one), statistics, weeks))
    variance = _variance(by_rate, model.purchases) + _variance(by_value, model.spend)
    reach = norm.ppf((1 + confidence) / 2) * np.sqrt(variance)
    return (purchases - reach[0], purchases + reach[0]), (spend - reach[1], spend + reach[1])


def _totals(model: ValueModel, statistics: CustomerStatistics, weeks: float) -> Floats:
    predicted = predict(model, statistics, weeks=weeks)
    return np.array([predicted.purchases.sum(), predicted.spend.sum()])


def _slopes(estimate: Estimate, totals: Callable[[Estimate], Floats]) -> Floats:
    """Return the derivative of each total by the logarithm of each parameter, (parameters, totals)."""
    directions = STEP * np.eye(len(estimate.names))
    moved = [
        [totals(replace(estimate, logarithms=estimate.logarithms + sign * direction)) for sign in (1, -1)]
        for direction in directions
    ]
    return np.array([(ahead - behind) / (2 * STEP) for ahead, behind in moved])


def _variance(slopes: Floats, estimate: Estimate) -> Floats:
    return np.asarray(np.einsum("pt,pq,qt->t", slopes, estimate.covariance, slopes))
