"""Which faults of the emulator we mend to test against it: each fails here until the emulator no longer has it.

When one of these passes, its mend in tests/servers/snowflake_emulator.py can go.
"""

from __future__ import annotations

import importlib
from datetime import datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from tests.servers.snowflake_emulator import number_from_binding, timestamps_with_nulls

pytestmark = pytest.mark.unit

MOMENTS = pa.array([datetime(2024, 1, 1, 10), None], pa.timestamp("us"))  # noqa: DTZ001


@pytest.fixture(scope="module")
def to_struct() -> Any:
    return importlib.import_module("fakesnow.arrow").timestamp_to_sf_struct


@pytest.fixture(scope="module")
def from_binding() -> Any:
    return importlib.import_module("fakesnow.converter").from_binding


@pytest.mark.xfail(raises=AssertionError, reason="fakesnow 0.12.1 sends a null timestamp as a struct of nulls: 1970")
def test_the_emulator_sends_a_null_timestamp_as_a_null(to_struct: Any) -> None:
    assert to_struct(MOMENTS).null_count == 1


def test_mended_it_sends_a_null(to_struct: Any) -> None:
    sent = timestamps_with_nulls(to_struct, MOMENTS)
    assert sent.to_pylist() == [{"epoch": 1_704_103_200, "fraction": 0}, None]


@pytest.mark.xfail(raises=ValueError, reason="fakesnow 0.12.1 reads every bound number as a whole one")
def test_the_emulator_reads_a_bound_fraction(from_binding: Any) -> None:
    assert from_binding({"type": "FIXED", "value": "1.5"}) == Decimal("1.5")


@pytest.mark.xfail(raises=AssertionError, reason="fakesnow 0.12.1 reads a bound REAL as text")
def test_the_emulator_reads_a_bound_float_as_a_number(from_binding: Any) -> None:
    assert from_binding({"type": "REAL", "value": "1.5"}) == 1.5


@pytest.mark.parametrize(
    ("kind", "value", "meant"),
    [
        ("FIXED", "1.5", Decimal("1.5")),
        ("FIXED", "7", 7),
        ("REAL", "1.5", 1.5),
        ("TEXT", "a", "a"),
        ("TEXT", None, None),
    ],
)
def test_mended_it_reads_what_was_bound(from_binding: Any, kind: str, value: str | None, meant: object) -> None:
    assert number_from_binding(from_binding, {"type": kind, "value": value}) == meant
