"""A workspace's purchases count the same on both engines, and what is fitted to them predicts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import numpy as np
import pytest

from customer360.semantic import Reader
from customer360.settings import QuerySettings, ResourceSettings, load
from customer360.value import (
    CustomerStatistics,
    evaluate,
    fit_value,
    predict,
    purchases_of,
    simulate,
    summarise,
    total_intervals,
)
from customer360.workspace import Workspace

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def statistics(online_retail_workspace: Workspace) -> Iterator[CustomerStatistics]:
    reader = Reader.of(online_retail_workspace, load(QuerySettings), load(ResourceSettings))
    with reader.pin() as reading:
        yield summarise(purchases_of(reading.build), calibration_end=date(2011, 6, 30), holdout_days=162)
    reader.close()


def test_purchases_of_a_build_are_counted_by_hand(statistics: CustomerStatistics) -> None:
    place = statistics.places_of(["12347"])[0]
    found = [float(column[place]) for column in (statistics.frequency, statistics.recency, statistics.age)]
    assert found == [
        3,
        (date(2011, 6, 9) - date(2010, 12, 7)).days / 7,
        (date(2011, 6, 30) - date(2010, 12, 7)).days / 7,
    ]
    assert statistics.mean_value[place] == pytest.approx((475.39 + 636.25 + 382.52) / 3)
    assert statistics.later_purchases[place] == 3
    assert statistics.later_spend[place] == pytest.approx(584.91 + 1294.32 + 224.82)


def test_the_sums_are_those_of_counting_sets_of_days_in_python(statistics: CustomerStatistics) -> None:
    assert (len(statistics), statistics.repeating) == (2958, 1550)
    assert (statistics.frequency.sum(), statistics.later_purchases.sum()) == (4989, 6388)


def test_predictions_come_in_one_order_and_hold_together(statistics: CustomerStatistics) -> None:
    model = fit_value(statistics)
    predicted = predict(model, statistics, weeks=20)
    assert (predicted.purchases > 0).all()
    assert ((predicted.probability_alive >= 0) & (predicted.probability_alive <= 1)).all()
    first, second = predicted.largest(2)
    assert predicted.spend[first] >= predicted.spend[second]
    found = simulate(model, statistics, weeks=20, places=[first])
    assert found.purchases_low[0] <= predicted.purchases[first] <= found.purchases_high[0]
    assert found.spend_low[0] < predicted.spend[first] < found.spend_high[0]
    (low, high), _ = total_intervals(model, statistics, weeks=20)
    assert low < predicted.purchases.sum() < high


def test_the_holdout_adds_up(statistics: CustomerStatistics) -> None:
    holdout = evaluate(fit_value(statistics), statistics)
    assert sum(decile.customers for decile in holdout.deciles) == len(statistics)
    actual = sum(decile.customers * decile.actual_purchases for decile in holdout.deciles)
    assert actual == pytest.approx(statistics.later_purchases.sum())
    assert (np.diff([decile.predicted_purchases for decile in holdout.deciles]) <= 0).all()
    assert holdout.purchases.correlation == pytest.approx(0.8, abs=0.1)
