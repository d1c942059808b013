"""A million customers are fitted in seconds, within the memory of a laptop."""

from __future__ import annotations

import resource
import time

import pytest

from customer360.value.bg_nbd import fit_bg_nbd
from customer360.value.gamma_gamma import GammaGamma, fit_gamma_gamma
from tests.value.conftest import PAPER_MODEL, draw_histories, draw_values

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
