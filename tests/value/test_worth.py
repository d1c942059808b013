"""What every customer is expected to be worth in twelve months."""

from __future__ import annotations

from pathlib import Path

import pytest

from customer360.value import open_purchases, predict, predict_worth, summarise
from customer360.value.gamma_gamma import GammaGamma
from customer360.value.worth import YEAR
from tests.value.conftest import PAPER_MODEL, write_csv
from tests.value.test_simulation import known

pytestmark = pytest.mark.unit

MODEL = known(PAPER_MODEL, GammaGamma(6.25, 3.74, 15.44), doubt=0.05)
LINES = ["C1,20240101,10", "C1,20240301,30", "C1,20240601,20", "C2,20240110,55", "C3,20240201,12", "C3,20240210,14"]


def test_each_buyer_has_an_expectation_between_its_bounds(tmp_path: Path) -> None:
    file = write_csv(tmp_path / "purchases.csv", LINES)
    with open_purchases(file, customer="customer", date="day", amount="amount") as purchases:
        found = predict_worth(MODEL, purchases)
        expected = predict(MODEL, summarise(purchases), weeks=YEAR)
    rows = found.to_pylist()
    assert [row["customer_id"] for row in rows] == ["C1", "C2", "C3"]
    assert [row["expected_spend"] for row in rows] == pytest.approx(expected.spend)
    assert [row["probability_alive"] for row in rows] == pytest.approx(expected.probability_alive)
    for row in rows:
        assert 0 <= row["expected_spend_low"] <= row["expected_spend"] <= row["expected_spend_high"]


def test_an_infinite_mean_is_left_out_and_its_bounds_are_not(tmp_path: Path) -> None:
    """Where q is at most 1, nothing is known of what somebody's purchases are worth who never came back."""
    heavy = known(PAPER_MODEL, GammaGamma(6.25, 0.9, 15.44), doubt=0.05)
    file = write_csv(tmp_path / "purchases.csv", LINES)
    with open_purchases(file, customer="customer", date="day", amount="amount") as purchases:
        rows = predict_worth(heavy, purchases).to_pylist()
    assert [row["expected_spend"] is None for row in rows] == [False, True, False]
    assert rows[1]["expected_spend_high"] >= rows[1]["expected_spend_low"] == 0
