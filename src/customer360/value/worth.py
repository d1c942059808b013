"""What every customer of a build is expected to be worth in the next twelve months, with intervals."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from threadpoolctl import threadpool_limits

from customer360.value.fitting import Floats
from customer360.value.model import ValueModel
from customer360.value.prediction import predict
from customer360.value.purchases import Purchases
from customer360.value.simulation import simulate
from customer360.value.statistics import summarise

YEAR = 365.25 / 7
"""Weeks of twelve months."""
MOST_MONEY = 1e30
"""An upper bound beyond it is no amount: it is left out."""


def predict_worth(model: ValueModel, purchases: Purchases) -> pa.Table:
    """Return a row for each customer who ever bought: expected purchases and spend of twelve months, and whether alive.

    Raises:
        NotIdentified: nobody ever bought.
    """
    statistics = summarise(purchases)
    with threadpool_limits(1):
        expected = predict(model, statistics, weeks=YEAR)
        bounds = simulate(model, statistics, weeks=YEAR)
    return pa.table(
        {
            "customer_id": statistics.customer_ids.cast(pa.string()),
            "expected_purchases_next_12_months": expected.purchases,
            "probability_alive": expected.probability_alive,
            "expected_spend": _amounts(expected.spend),
            "expected_spend_low": _amounts(bounds.spend_low),
            "expected_spend_high": _amounts(bounds.spend_high),
        }
    )


def _amounts(values: Floats) -> pa.Array:
    return pa.array(values, pa.float64(), mask=~(np.abs(values) < MOST_MONEY))
