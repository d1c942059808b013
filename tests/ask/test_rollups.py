"""Questions give the same rows with roll-ups and without, over a build and over a file that has none."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import duckdb
import pytest

from customer360.ask import Source, open_source
from customer360.semantic import Figures, SemanticModel, SemanticQuery, build_query, without_rollups
from customer360.semantic.definition import read_definition
from tests.ask.test_round_trip import TEMPLATES, Maker
from tests.conftest import ROOT
from tests.semantic.conftest import rows_of

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("questions")]

DEFINITION = read_definition(ROOT / "semantic" / "customer_analytics.yaml")
MOST_OF_A_TEMPLATE = 60


def copy_of(small_bank_home: Path, folder: Path) -> Path:
    """Copy the published build, which a service of this process may have open with other limits."""
    [path] = (small_bank_home / "builds").glob("*/warehouse.duckdb")
    return Path(shutil.copy(path, folder / "copy.duckdb"))


@pytest.fixture(scope="module")
def both(small_bank_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Source, Source]]:
    """A published build of the synthetic bank, asked with roll-ups and without."""
    path = copy_of(small_bank_home, tmp_path_factory.mktemp("rollups"))
    bare = without_rollups(SemanticModel(DEFINITION)).definition
    with ExitStack() as stack:
        first, second = (
            stack.enter_context(open_source(path, one, figures=Figures("USD", "en_US"))) for one in (DEFINITION, bare)
        )
        yield first, second


def compared(query: SemanticQuery, both: tuple[Source, Source]) -> bool:
    """Tell whether a roll-up answers a query; its answer must be that of the rows."""
    found, expected = (source.ask(query) for source in both)
    assert found.table.schema == expected.table.schema, query
    assert rows_of(found.table) == rows_of(expected.table), query
    assert found.rows_available == expected.rows_available
    return found.sql != expected.sql


def test_questions_said_from_templates_are_answered_as_by_the_rows(both: tuple[Source, Source]) -> None:
    chance, rolled_up = random.Random(20251118), 0
    for template in TEMPLATES:
        cases = list(template(Maker(both[0].engine, random.Random(20251118))))
        for _, parts in chance.sample(cases, min(len(cases), MOST_OF_A_TEMPLATE)):
            rolled_up += compared(build_query(parts), both)
    assert rolled_up > 200


def test_verified_questions_are_answered_as_by_the_rows(both: tuple[Source, Source]) -> None:
    read = [both[0].engine.read(one.question).query for one in DEFINITION.verified_queries]
    assert sum(compared(query, both) for query in read if query) > 15


def test_a_file_without_roll_ups_is_asked_for_its_rows(small_database: Path) -> None:
    with open_source(small_database, DEFINITION, figures=Figures("USD", "en_US")) as source:
        answer = source.ask(build_query({"metrics": ["total_spend"], "dimensions": ["category_name"]}))
        assert not [name for name in source.gone if "transactions_by" in name]
    assert "gold.fct_transactions" in answer.sql.lower()
    assert answer.rows_returned > 1


@pytest.mark.parametrize("lacking", ["drop table {}", "alter table {} drop column quantity_sum"])
def test_a_roll_up_that_a_file_has_in_part_is_passed_over(lacking: str, small_bank_home: Path, tmp_path: Path) -> None:
    copy = copy_of(small_bank_home, tmp_path)
    with duckdb.connect(str(copy)) as connection:
        connection.execute(lacking.format("gold.transactions_by_day"))
    with open_source(copy, DEFINITION, figures=Figures("USD", "en_US")) as source:
        parts: dict[str, Any] = {"metrics": ["total_spend"], "dimensions": ["transaction_date:day"]}
        assert "FROM gold.fct_transactions" in source.ask(build_query(parts)).sql
        by_merchant = source.ask(build_query(parts | {"dimensions": ["merchant_name"]}))
        assert "FROM gold.transactions_by_merchant" in by_merchant.sql
