"""Every verified query says the same as the engine that reads its question, on a database and on a published build."""

from __future__ import annotations

import importlib.util
import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlglot

from customer360.ask.engine import Engine
from customer360.ask.restrict import restrict_model
from customer360.ask.values import read_days, read_values
from customer360.errors import InvalidDefinition
from customer360.semantic import MAX_LIMIT, SemanticModel, compile_query, load_model
from customer360.semantic.definition import VerifiedQuery
from customer360.semantic.query import DEFAULT_LIMIT
from customer360.semantic.verified import verified_statement
from customer360.warehouse.duckdb import DuckDBWarehouse
from tests.conftest import ROOT, skip_or_fail

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("questions")]

MODEL = load_model(ROOT / "semantic" / "customer_analytics.yaml")
QUERIES = {one.name: one for one in MODEL.definition.verified_queries}
CATEGORIES = {"churn", "segmentation", "spending", "geographic", "campaign"}
NOT_IN_THE_EXAMPLE = {"campaign_eligible_for_retention"}
"""Those that ask for fields which the database of the example questions lacks."""


@dataclass(frozen=True)
class Place:
    """A database that questions are asked of."""

    warehouse: DuckDBWarehouse
    model: SemanticModel
    engine: Engine


def open_place(path: Path) -> Place:
    columns: dict[str, set[str]] = defaultdict(set)
    with duckdb.connect(str(path), read_only=True) as connection:
        found = connection.execute("SELECT table_schema, table_name, column_name FROM information_schema.columns")
        for schema, table, column in found.fetchall():
            columns[f"{schema}.{table}".lower()].add(column.lower())
    model, _ = restrict_model(MODEL.definition, {name: frozenset(each) for name, each in columns.items()})
    warehouse = DuckDBWarehouse(path, threads=2, memory="1GB")
    oldest, newest = read_days(warehouse, model)
    assert newest
    return Place(warehouse, model, Engine(model, read_values(warehouse, model), newest, oldest))


@pytest.fixture(scope="module")
def example(data_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """The database that gold answers of the example questions run on."""
    script = data_folder.parent / "questions" / "fixture.py"
    if not script.is_file():
        skip_or_fail(f"the example questions are not at {script.parent}")
    spec = importlib.util.spec_from_file_location("given_fixture", script)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    path = tmp_path_factory.mktemp("example") / "example.duckdb"
    module.build(str(path)).close()
    place = open_place(path)
    yield place
    place.warehouse.close()


@pytest.fixture(scope="module")
def bank(small_bank_home: Path) -> Iterator[Place]:
    """A published build of the synthetic bank."""
    [path] = (small_bank_home / "builds").glob("*/warehouse.duckdb")
    place = open_place(path)
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


def rows_of_sql(place: Place, query: VerifiedQuery) -> list[dict[str, Any]]:
    return list(place.warehouse.query(verified_statement(place.model, query.sql, "duckdb")).to_pylist())


def rows_of_engine(place: Place, query: VerifiedQuery) -> list[dict[str, Any]]:
    read = place.engine.read(query.question)
    assert read.status == "answer", read.message
    assert read.query
    asked = read.query.model_copy(update={"limit": MAX_LIMIT}) if read.query.limit == DEFAULT_LIMIT else read.query
    compiled = compile_query(place.model, asked, "duckdb")
    return list(place.warehouse.query(compiled.sql, compiled.parameters).to_pylist())


def assert_same(found: Sequence[dict[str, Any]], expected: Sequence[dict[str, Any]]) -> None:
    """Require the same rows in any order, each number as near as two ways to round it are."""
    assert len(found) == len(expected)
    for mine, theirs in zip(ordered(found), ordered(expected), strict=True):
        assert mine.keys() == theirs.keys()
        for name, value in theirs.items():
            assert same(mine[name], value), (name, mine, theirs)


def ordered(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    names = sorted({name for row in rows for name in row})
    numbers = [name for name in names if any(number(row[name]) for row in rows)]
    texts = [name for name in names if name not in numbers]

    def place(row: dict[str, Any]) -> tuple[list[str], list[float]]:
        missing = -math.inf
        return [str(day(row[name])) for name in texts], [missing if row[n] is None else float(row[n]) for n in numbers]

    return sorted(rows, key=place)


def same(one: Any, other: Any) -> bool:
    if number(one) and number(other):
        return math.isclose(float(one), float(other), rel_tol=1e-6, abs_tol=1e-4)
    return bool(day(one) == day(other))


def number(value: Any) -> bool:
    return isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)


def day(value: Any) -> Any:
    return value.date() if isinstance(value, datetime) else value
