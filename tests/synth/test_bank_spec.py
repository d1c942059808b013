from __future__ import annotations

from datetime import date
from typing import Any

import pytest

import customer360.synth
from customer360.errors import InvalidInput
from customer360.synth import SCALES, BankSpec, get_scale

pytestmark = pytest.mark.unit


def test_public_names() -> None:
    assert customer360.synth.__all__ == ["SCALES", "BankFiles", "BankSpec", "generate_bank", "get_scale"]


@pytest.mark.contract("X.1")
def test_scales_have_the_sizes_of_the_contract() -> None:
    sizes = {name: (spec.customers, spec.transactions, spec.months) for name, spec in SCALES.items()}
    assert sizes == {
        "demo": (2_000, 500_000, 18),
        "standard": (50_000, 13_500_000, 18),
        "full": (50_000, 60_000_000, 18),
    }


def test_scale_takes_a_seed() -> None:
    assert get_scale("demo", seed=7) == BankSpec(2_000, 500_000, seed=7)


def test_unknown_scale_suggests_the_nearest() -> None:
    with pytest.raises(InvalidInput, match="'standart'") as caught:
        get_scale("standart")
    assert "'standard'" in caught.value.next_action


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("customers", 0),
        ("customers", 100_000),
        ("customers", 10.5),
        ("transactions", 0),
        ("transactions", 36_001),
        ("months", 0),
        ("months", 37),
        ("months", True),
        ("seed", -1),
        ("seed", 2**63),
        ("as_of", date(1889, 1, 1)),
        ("as_of", "2025-10-31"),
    ],
)
def test_value_out_of_range_is_refused_by_name(field: str, value: Any) -> None:
    with pytest.raises(InvalidInput) as caught:
        BankSpec(**{"customers": 10, "transactions": 1_000, field: value})
    assert caught.value.details[0]["field"] == field
    assert repr(value) in caught.value.message


@pytest.mark.parametrize(
    ("as_of", "months", "first"),
    [
        (date(2025, 10, 31), 18, date(2024, 5, 1)),
        (date(2025, 11, 18), 18, date(2024, 5, 19)),
        (date(2025, 1, 31), 1, date(2025, 1, 1)),
        (date(2024, 2, 29), 12, date(2023, 3, 1)),
        (date(2025, 3, 30), 1, date(2025, 3, 1)),
    ],
)
def test_window_covers_the_months_up_to_the_as_of_date(as_of: date, months: int, first: date) -> None:
    assert BankSpec(10, 100, months=months, as_of=as_of).first_day == first
