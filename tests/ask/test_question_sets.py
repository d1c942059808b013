"""The sets of questions are sound: every answer runs, says something, and is asked for once only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from tests.ask.given import OWN, load_script, read

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("questions")]

SETS = ("own_dev", "own_held", "intents", "dialogues")


@pytest.fixture(scope="module")
def database(questions_folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with load_script(questions_folder / "fixture.py").build() as connection:
        yield connection


@pytest.mark.parametrize("name", SETS)
def test_every_answer_runs_and_agrees_with_itself(
    name: str, questions_folder: Path, database: duckdb.DuckDBPyConnection
) -> None:
    compare = load_script(questions_folder / "score.py").compare
    for record in read(OWN / f"{name}.jsonl"):
        if record["expected"] != "answer":
            if assumed := record.get("gold_sql_if_assumption_stated"):
                assert database.execute(assumed).fetchall(), record["id"]
            continue
        for sql in [record["gold_sql"], *record.get("alt_gold_sql", [])]:
            cursor = database.execute(sql)
            columns, rows = [column[0] for column in cursor.description or ()], cursor.fetchall()
            assert compare(columns, rows, columns, rows, record["compare"]), (record["id"], sql)
            assert rows or record.get("empty_ok") or sql != record["gold_sql"], record["id"]


@pytest.mark.parametrize("name", SETS)
def test_a_record_that_is_not_answered_says_what_is_accepted(name: str) -> None:
    for record in read(OWN / f"{name}.jsonl"):
        if record["expected"] != "answer":
            assert record["expected"] in record["acceptable"], record["id"]
            assert record["reason"], record["id"]
            assert record["gold_sql"] is None, record["id"]


def test_ids_are_unique() -> None:
    ids = Counter(record["id"] for name in SETS for record in read(OWN / f"{name}.jsonl"))
    assert [each for each, times in ids.items() if times > 1] == []


def test_no_question_is_asked_twice(questions_folder: Path) -> None:
    files = [questions_folder / "dev.jsonl", *(OWN / f"{name}.jsonl" for name in SETS)]
    asked = Counter(
        (record["question"].casefold(), *map(str.casefold, record["previous"]))
        for file in files
        for record in read(file)
    )
    assert [question for question, times in asked.items() if times > 1] == []
