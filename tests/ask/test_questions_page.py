"""What docs/questions.md says can be asked is answered, and what it says is refused is refused for that reason."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from customer360.ask.followups import Context
from customer360.semantic import compile_query, load_model
from tests.conftest import ROOT, skip_or_fail
from tests.semantic.answers import Place, build_example, open_place

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("questions")]

PAGE = (ROOT / "docs" / "questions.md").read_text(encoding="utf-8")


def rows_under(heading: str) -> list[tuple[str, ...]]:
    """Return the rows of the table below a heading, without its head."""
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    table = [
        tuple(cell.strip() for cell in line.strip("|").split("|")) for line in re.findall(r"^\|.*\|$", section, re.M)
    ]
    assert len(table) > 2
    return table[2:]


@pytest.fixture(scope="module")
def place(data_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    given = data_folder.parent / "questions"
    if not (given / "fixture.py").is_file():
        skip_or_fail(f"the example questions are not at {given}")
    path = build_example(given, tmp_path_factory.mktemp("page") / "example.duckdb")
    opened = open_place(path, load_model(ROOT / "semantic" / "customer_analytics.yaml").definition)
    yield opened
    opened.warehouse.close()


@pytest.mark.parametrize(("form", "question"), rows_under("What it can be asked"))
def test_a_form_is_answered_with_rows(form: str, question: str, place: Place) -> None:
    read = place.engine.read(question)
    assert read.query, read.message
    compiled = compile_query(place.model, read.query, "duckdb")
    assert place.warehouse.query(compiled.sql, compiled.parameters).num_rows


@pytest.mark.parametrize(("words", "first", "last"), rows_under("Dates"))
def test_dates_mean_these_days(words: str, first: str, last: str, place: Place) -> None:
    frame = place.engine.read(f"total spend {words}").frame
    assert frame
    assert frame.window
    assert (frame.window.start, frame.window.end) == (date.fromisoformat(first), date.fromisoformat(last))


@pytest.mark.parametrize(("first", "second", "_changes"), rows_under("Follow-ups"))
def test_a_follow_up_changes_the_question_before(first: str, second: str, _changes: str, place: Place) -> None:
    before = place.engine.read(first)
    assert before.frame, before.message
    after = place.engine.read(second, Context(before.frame))
    assert after.query, after.message
    assert after.query != before.query
    assert place.engine.read(second).status == "clarify"


@pytest.mark.parametrize(("status", "reason", "question"), rows_under("When it asks back, and why it refuses"))
def test_what_is_not_answered_has_its_reason(status: str, reason: str, question: str, place: Place) -> None:
    read = place.engine.read(question)
    assert (read.status, read.reason) == (status, reason)
    assert read.message
