"""A million customers are fitted in seconds, fifty thousand get their intervals, within the memory of a laptop."""

from __future__ import annotations

import resource
import time
import tracemalloc

import numpy as np
import pytest

from customer360.value import fit_value, simulate
from customer360.value.bg_nbd import BgNbd, fit_bg_nbd
from customer360.value.gamma_gamma import GammaGamma, fit_gamma_gamma
from tests.value.conftest import PAPER_MODEL, draw_histories, draw_values, statistics_of

pytestmark = pytest.mark.performance


def test_a_million_customers_are_fitted_in_five_seconds_and_two_gigabytes() -> None:
    drawn = draw_histories(PAPER_MODEL, 1_000_000, weeks=1, seed=4)
    days = [drawn.frequency, (drawn.recency * 7).round() / 7, (drawn.age * 7).round() / 7]
    values = draw_values(GammaGamma(6.25, 3.74, 15.44), drawn.frequency, seed=4)
    started = time.perf_counter()
    fit_bg_nbd(*days)
    fit_gamma_gamma(drawn.frequency, values)
    assert time.perf_counter() - started < 5
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 2 * 1024**2


@pytest.mark.parametrize("bg_nbd", [PAPER_MODEL, BgNbd(3.0, 1.0, 0.5, 20.0)])
def test_fifty_thousand_customers_have_intervals_in_ten_seconds_of_one_core_and_200_mb(bg_nbd: BgNbd) -> None:
    drawn = draw_histories(bg_nbd, 50_000, weeks=1, seed=4)
    days = [drawn.frequency, (drawn.recency * 7).round() / 7, (drawn.age * 7).round() / 7]
    values = draw_values(GammaGamma(6.25, 3.74, 15.44), drawn.frequency, seed=4)
    statistics = statistics_of(np.column_stack([*days, drawn.frequency, values]))
    model = fit_value(statistics)
    started = time.process_time()
    simulate(model, statistics, weeks=52)
    assert time.process_time() - started < 10
    tracemalloc.start()
    simulate(model, statistics, weeks=52, places=range(5_000))
    assert tracemalloc.get_traced_memory()[1] < 200e6
    tracemalloc.stop()
