"""How well a model fitted to the calibration foretold the holdout that it never saw."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from customer360.value.fitting import Floats
from customer360.value.model import ValueModel
from customer360.value.prediction import predict
from customer360.value.statistics import DAYS_A_WEEK, CustomerStatistics

GROUPS = 10


@dataclass(frozen=True)
class Accuracy:
    """Predictions against what happened, customer by customer."""

    predicted: float
    """Sum over all customers."""
    actual: float
    correlation: float | None
    """None where one side does not vary."""
    bias: float | None
    """Predicted / actual − 1, of the sums; None where nothing happened."""
    mean_absolute_error: float


@dataclass(frozen=True)
class Decile:
    """A tenth of the customers, means per customer; the first tenth has the most purchases predicted."""

    decile: int
    customers: int
    predicted_purchases: float
    actual_purchases: float
    predicted_spend: float
    actual_spend: float


@dataclass(frozen=True)
class Holdout:
    """What happened after the calibration, beside what was predicted."""

    days: int
    purchases: Accuracy
    spend: Accuracy
    same_pace: Accuracy
    """Purchases, had every customer gone on as fast as before: what a model has to beat."""
    deciles: list[Decile]

    def as_dict(self) -> dict[str, object]:
        """Return it with the accuracy of purchases in front."""
        return {
            "days": self.days,
            **asdict(self.purchases),
            "spend": asdict(self.spend),
            "same_pace": asdict(self.same_pace),
            "deciles": [asdict(decile) for decile in self.deciles],
        }


def evaluate(model: ValueModel, statistics: CustomerStatistics) -> Holdout:
    """Compare predictions for the days of the holdout with what was bought on them."""
    weeks = statistics.holdout_days / DAYS_A_WEEK
    predicted = predict(model, statistics, weeks=weeks)
    pace = weeks * statistics.frequency / np.maximum(statistics.age, 1 / DAYS_A_WEEK)
    return Holdout(
        days=statistics.holdout_days,
        purchases=_accuracy(predicted.purchases, statistics.later_purchases),
        spend=_accuracy(predicted.spend, statistics.later_spend),
        same_pace=_accuracy(pace, statistics.later_purchases),
        deciles=_deciles(statistics, predicted.purchases, predicted.spend),
    )


def _accuracy(predicted: Floats, actual: Floats) -> Accuracy:
    varies = len(actual) > 1 and np.ptp(predicted) > 0 and np.ptp(actual) > 0
    return Accuracy(
        predicted=float(predicted.sum()),
        actual=float(actual.sum()),
        correlation=float(np.corrcoef(predicted, actual)[0, 1]) if varies else None,
        bias=float(predicted.sum() / actual.sum() - 1) if actual.sum() > 0 else None,
        mean_absolute_error=float(np.abs(predicted - actual).mean()),
    )


def _deciles(statistics: CustomerStatistics, purchases: Floats, spend: Floats) -> list[Decile]:
    groups = np.array_split(np.argsort(-purchases, kind="stable"), GROUPS)
    columns = purchases, statistics.later_purchases, spend, statistics.later_spend
    return [
        Decile(number, len(group), *(float(column[group].mean()) for column in columns))
        for number, group in enumerate(groups, 1)
    ]
