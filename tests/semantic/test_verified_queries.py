"""Every verified query says the same as the engine that reads its question, on a database and on a published build."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlglot

from customer360.errors import InvalidDefinition
from customer360.semantic import load_model
from customer360.semantic.definition import VerifiedQuery
from customer360.semantic.verified import verified_statement
from tests.conftest import ROOT, skip_or_fail
from tests.semantic.answers import Place, assert_same, build_example, open_place, rows_of_engine, rows_of_sql

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("questions")]

MODEL = load_model(ROOT / "semantic" / "customer_analytics.yaml")
QUERIES = {one.name: one for one in MODEL.definition.verified_queries}
CATEGORIES = {"churn", "segmentation", "spending", "geographic", "campaign"}
NOT_IN_THE_EXAMPLE = {"campaign_eligible_for_retention"}
"""Those that ask for fields which the database of the example questions lacks."""


@pytest.fixture(scope="module")
def example(data_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """The database that gold answers of the example questions run on."""
    given = data_folder.parent / "questions"
    if not (given / "fixture.py").is_file():
        skip_or_fail(f"the example questions are not at {given}")
    path = build_example(given, tmp_path_factory.mktemp("example") / "example.duckdb")
    place = open_place(path, MODEL.definition)
    yield place
    place.warehouse.close()


@pytest.fixture(scope="module")
def bank(small_bank_home: Path) -> Iterator[Place]:
    """A published build of the synthetic bank."""
    [path] = (small_bank_home / "builds").glob("*/warehouse.duckdb")
    place = open_place(path, MODEL.definition)
    yield place
    place.warehouse.close()


@pytest.mark.contract("S3.103")
def test_there_are_fifty_and_more_of_five_categories() -> None:
    assert len(MODEL.definition.verified_queries) == len(QUERIES) >= 54
    assert Counter(name.partition("_")[0] for name in QUERIES).keys() == CATEGORIES
    assert 8 <= sum(one.use_as_onboarding_question for one in QUERIES.values()) <= 12
    assert all(one.verified_at and one.verified_by for one in QUERIES.values())
    assert len({one.question.casefold() for one in QUERIES.values()}) == len(QUERIES)


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_its_sql_is_understood_by_both_engines(query: VerifiedQuery) -> None:
    for dialect in ("duckdb", "snowflake"):
        assert isinstance(sqlglot.parse_one(query.sql, read=dialect), sqlglot.exp.Query)
        sqlglot.parse_one(verified_statement(MODEL, query.sql, dialect, schema_suffix="_b1"), read=dialect)


@pytest.mark.contract("S3.98")
@pytest.mark.contract("S3.99")
@pytest.mark.contract("S3.100")
@pytest.mark.contract("S3.101")
@pytest.mark.contract("S3.102")
@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_the_engine_answers_the_question_with_the_rows_of_its_sql(query: VerifiedQuery, example: Place) -> None:
    if query.name in NOT_IN_THE_EXAMPLE:
        with pytest.raises(InvalidDefinition, match="does not have"):
            verified_statement(example.model, query.sql, "duckdb")
        return
    expected, found = rows_of_sql(example, query), rows_of_engine(example, query)
    assert expected
    assert_same(found, expected)


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_a_published_build_gives_the_same_to_both(query: VerifiedQuery, bank: Place) -> None:
    assert_same(rows_of_engine(bank, query), rows_of_sql(bank, query))


def test_what_the_model_does_not_have_is_refused() -> None:
    for sql, said in (
        ("SELECT salary FROM customer_360_profile", "'salary'"),
        ("SELECT 1 FROM secrets", "no table"),
        ("SELECT 1 FROM gold.customer_360_profile", "no table"),
        ("DELETE FROM customer_360_profile", "must be a select"),
        ("SELECT FROM (", "does not parse"),
        ("SELECT state FROM customer_360_profile JOIN customer_segments ON 1 = 1", "whose"),
    ):
        with pytest.raises(InvalidDefinition, match=said):
            verified_statement(MODEL, sql, "duckdb")
