"""The model of operations fits a published build, and answers how the system is doing in figures."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlglot

from customer360.semantic import Kind, expression_checks, key_checks, load_model
from customer360.semantic.definition import VerifiedQuery
from customer360.semantic.model import METRIC_KINDS
from customer360.semantic.verified import verified_statement
from customer360.settings import project_files
from customer360.workspace import Workspace
from tests.semantic.answers import Place, assert_same, open_place, rows_of_engine, rows_of_sql

pytestmark = pytest.mark.integration

MODEL = load_model(project_files("semantic") / "operations.yaml")
QUERIES = {one.name: one for one in MODEL.definition.verified_queries}


@pytest.fixture(scope="module")
def company_built(messy: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A published build with rows that were rejected."""
    [path] = messy.builds.glob("*/warehouse.duckdb")
    place = open_place(Path(shutil.copy(path, tmp_path_factory.mktemp("messy"))), MODEL.definition)
    yield place
    place.warehouse.close()


def test_a_build_has_all_that_the_model_names(company_built: Place) -> None:
    assert company_built.model.items == MODEL.items
    for statement in expression_checks(MODEL, "duckdb"):
        company_built.warehouse.explain(statement)


def test_its_keys_are_keys(company_built: Place) -> None:
    for statement in key_checks(MODEL, "duckdb"):
        assert company_built.warehouse.query(statement).num_rows == 0


def test_it_can_be_written_for_snowflake() -> None:
    for statement in expression_checks(MODEL, "snowflake", schema_suffix="_b1"):
        sqlglot.parse_one(statement, read="snowflake")
    for query in QUERIES.values():
        sqlglot.parse_one(verified_statement(MODEL, query.sql, "snowflake"), read="snowflake")


@pytest.mark.contract("S2.42")
def test_it_is_another_model_than_that_of_customers() -> None:
    other = load_model(project_files("semantic") / "customer_analytics.yaml")
    physical = {(one.schema, one.physical) for one in MODEL.tables.values()}
    assert not physical & {(one.schema, one.physical) for one in other.tables.values()}
    assert len(MODEL.list_items(METRIC_KINDS)) >= 20
    assert not MODEL.list_items({Kind.DERIVED})


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_the_engine_answers_the_question_with_the_rows_of_its_sql(query: VerifiedQuery, company_built: Place) -> None:
    assert_same(rows_of_engine(company_built, query), rows_of_sql(company_built, query))


def test_there_are_eight_and_more() -> None:
    assert len(QUERIES) == len(MODEL.definition.verified_queries) >= 8
    assert sum(one.use_as_onboarding_question for one in QUERIES.values()) >= 4


@pytest.mark.contract("S2.41")
@pytest.mark.parametrize(
    "question",
    ["How is the system doing?", "What is the current system health?", "system status", "Is everything ok?"],
)
def test_the_health_of_the_system_is_a_figure(question: str, company_built: Place) -> None:
    query = QUERIES["health_of_the_system"].model_copy(update={"question": question})
    [row] = rows_of_engine(company_built, query)
    assert 0 <= row["system_health"] <= 100


@pytest.mark.contract("S2.41")
@pytest.mark.parametrize(
    "question",
    ["Create a sales report for last quarter", "Generate a report of failed runs", "I need a report for last quarter"],
)
def test_a_report_is_refused_with_what_makes_its_figures_today(question: str, company_built: Place) -> None:
    read = company_built.engine.read(question)
    assert (read.status, read.reason) == ("refuse", "out_of_scope")
    assert "customer360 query --csv" in read.message


@pytest.mark.parametrize("question", ["Show the errors", "performance"])
def test_what_may_mean_several_figures_is_asked_back(question: str, company_built: Place) -> None:
    read = company_built.engine.read(question)
    assert (read.status, len(read.options)) == ("clarify", 3)


def test_customers_are_not_in_it(company_built: Place) -> None:
    assert company_built.engine.read("total revenue by month").status == "refuse"


def test_the_newest_day_is_that_of_the_newest_run(company_built: Place) -> None:
    [row] = company_built.warehouse.query("SELECT MAX(started_at) AS newest FROM monitoring.pipeline_runs").to_pylist()
    assert company_built.engine.newest == row["newest"].date()
