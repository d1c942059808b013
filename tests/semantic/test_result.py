"""Answers reach JSON without losing a digit."""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customer360.semantic import json_value

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Decimal("12.3400"), 12.34),
        (Decimal("0.0001"), 0.0001),
        (Decimal("12345678901234567890.1234"), "12345678901234567890.1234"),
        (Decimal("9007199254740.991"), "9007199254740.991"),
        (2**53 - 1, 2**53 - 1),
        (2**63, str(2**63)),
        (float("nan"), None),
        (float("inf"), None),
        (True, True),
        (None, None),
        ("é", "é"),
        (date(2024, 2, 29), "2024-02-29"),
        (datetime(2024, 2, 29, 12, 30), "2024-02-29T12:30:00"),  # noqa: DTZ001
    ],
)
def test_values_become_json(value: Any, expected: Any) -> None:
    assert json_value(value) == expected
    assert type(json_value(value)) is type(expected)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=4))
def test_no_decimal_is_rounded_on_its_way_through_json(value: Decimal) -> None:
    read = json.loads(json.dumps(json_value(value)))
    assert Decimal(str(read)) == value
