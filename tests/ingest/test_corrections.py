"""What may be set in rejected rows, and how it is said."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customer360.errors import InvalidInput
from customer360.ingest.corrections import Correction, parse_changes, parse_corrections

pytestmark = pytest.mark.unit


def test_a_value_may_hold_anything_and_an_empty_one_is_null() -> None:
    assert parse_changes(["email=a=b@example.org", "city="]) == {"email": "a=b@example.org", "city": None}


@pytest.mark.parametrize(
    "settings", [["city"], ["=Berlin"], ["city=Berlin", "city=Bonn"], ["city=\0"], ["city=\ud800"]]
)
def test_what_sets_nothing_or_a_column_twice_is_refused(settings: list[str]) -> None:
    with pytest.raises(InvalidInput):
        parse_changes(settings)


def test_a_line_is_a_row_with_what_to_set_each_value_as_it_is_written() -> None:
    lines = ['{"reject_id": "a", "set": {"amount": 12.50, "quantity": 3, "is_travel": true, "city": null}}', "", " "]
    assert parse_corrections(lines) == [
        Correction("a", {"amount": "12.50", "quantity": "3", "is_travel": "true", "city": None})
    ]


@pytest.mark.parametrize(
    "line",
    [
        "reject_id=a",
        "[]",
        "7",
        '{"reject_id": "a"}',
        '{"reject_id": null, "set": {}}',
        '{"reject_id": "a", "set": ["city"]}',
        '{"reject_id": "a", "set": {"city": ["Berlin"]}}',
        '{"reject_id": "a", "set": {"city": "Berlin", "city": "Bonn"}}',
        '{"reject_id": "a", "set": {}, "why": "typo"}',
        '{"reject_id": "a", "set": {"city": "\\ud800"}}',
        "[" * 100_000,
    ],
)
def test_a_line_that_is_no_correction_is_named(line: str) -> None:
    with pytest.raises(InvalidInput, match=r"Line 2|city"):
        parse_corrections(["", line])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)
REQUESTS = st.fixed_dictionaries({"reject_id": JSON, "set": st.dictionaries(st.text(), JSON)})


@pytest.mark.contract("S4.14")
@given(
    st.lists(
        st.text() | JSON.map(json.dumps) | st.dictionaries(st.sampled_from(["reject_id", "set"]), JSON).map(json.dumps)
    )
)
def test_any_lines_are_corrections_or_refused(lines: list[str]) -> None:
    try:
        corrections = parse_corrections(lines)
    except InvalidInput:
        return
    assert len(corrections) == sum(bool(line.strip()) for line in lines)
