"""Slips are mended: a word with a letter left out is the word of the model, or of the calendar, that it nearly is."""

from __future__ import annotations

import calendar
import re

import pytest

from customer360.ask import Engine
from customer360.ask.words import read_words

pytestmark = pytest.mark.integration

MONTHS = [name for name in calendar.month_name if len(name) > 5]


def corrected(reader: Engine, word: str) -> str:
    words, _ = reader.speller.correct(read_words(word))
    return words[0].text


@pytest.mark.parametrize("month", MONTHS)
def test_a_month_with_a_letter_left_out_is_that_month(month: str, reader: Engine) -> None:
    named = month.casefold()
    places = range(len(named) // 2, len(named) - 2)
    slips = [re.sub(rf"(?<=^.{{{place}}}).", "", named) for place in places]
    assert [corrected(reader, slip) for slip in slips] == [named] * len(slips)
