"""Models of a business that is not ours are asked in English, and answer what hand-written SQL gives."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from customer360.ask import Source, answer_batch, lint_model, open_source, read_batch
from customer360.semantic import Figures, key_checks
from customer360.semantic.importing import Import
from customer360.warehouse import DuckDBWarehouse
from tests.ask.conftest import questions_folder
from tests.ask.given import load_script, read
from tests.semantic.importing.conftest import HERE

__all__ = ["questions_folder"]
pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("questions")]

SETS = {"shop": HERE / "shop_questions.jsonl", "dbt_shop": HERE / "dbt_questions.jsonl"}


@pytest.fixture(scope="module", params=SETS)
def asked(request: pytest.FixtureRequest) -> str:
    """Which of the models is asked."""
    return str(request.param)


@pytest.fixture(scope="module")
def imported(asked: str, request: pytest.FixtureRequest) -> Import:
    found: Import = request.getfixturevalue(asked)
    return found


@pytest.fixture(scope="module")
def source(imported: Import, shop_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Source]:
    copy = tmp_path_factory.mktemp("asked") / "online.duckdb"
    copy.write_bytes(shop_database.read_bytes())
    with open_source(copy, imported.model.definition, figures=Figures("EUR", "en_US")) as opened:
        yield opened


@pytest.fixture(scope="module")
def gold(shop_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    copy = tmp_path_factory.mktemp("gold") / "gold.duckdb"
    copy.write_bytes(shop_database.read_bytes())
    with duckdb.connect(str(copy), read_only=True) as connection:
        yield connection


def test_the_database_has_all_that_was_imported(source: Source) -> None:
    assert source.gone == ()


def test_every_question_is_answered_as_its_sql_is_or_refused(
    asked: str, source: Source, gold: duckdb.DuckDBPyConnection, questions_folder: Path
) -> None:
    judge = load_script(questions_folder / "score.py").judge
    found: dict[str, Any] = {one["id"]: one for one in answer_batch(source, read_batch(SETS[asked]))}
    records = read(SETS[asked])
    judged = {record["question"]: judge(record, found[record["id"]], gold) for record in records}
    assert {question: one for question, one in judged.items() if one != "correct"} == {}
    assert len(records) >= 25
    assert sum(record["expected"] != "answer" for record in records) >= 3


def test_every_verified_query_gives_what_the_question_gives(imported: Import, source: Source) -> None:
    for query in imported.model.definition.verified_queries:
        read_as = source.engine.read(query.question)
        assert read_as.status == "answer", read_as.message


def test_no_phrase_means_two_things(imported: Import, source: Source) -> None:
    faults = lint_model(imported.model, source.engine.values)
    assert [one for one in faults if one.severity == "fault"] == []


def test_its_keys_are_keys(imported: Import, shop_warehouse: DuckDBWarehouse) -> None:
    for statement in key_checks(imported.model, "duckdb"):
        assert shop_warehouse.query(statement).num_rows == 0
