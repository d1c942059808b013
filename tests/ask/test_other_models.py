"""What the engine needs for a business that is not ours: dates of a coarser table, formulas, things called orders."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb
import pytest
import yaml

from customer360.ask import Conversation, Source, open_source
from customer360.errors import InvalidDefinition
from customer360.semantic import Figures, ModelDefinition, parse_model
from customer360.semantic.definition import parse_definition

pytestmark = pytest.mark.unit

COUNT = {"expr": "COUNT(*)", "description": "How many.", "x_nl": {"data_type": "BIGINT", "unit": "count"}}
MODEL = {
    "name": "shop",
    "description": "A shop.",
    "tables": [
        {
            "name": "people",
            "description": "One row per person.",
            "base_table": {"database": "D", "schema": "S", "table": "PEOPLE"},
            "primary_key": {"columns": ["person"]},
            "dimensions": [
                {"name": "person", "expr": "person", "data_type": "INTEGER", "description": "Who."},
                {"name": "town", "expr": "town", "data_type": "VARCHAR", "description": "Where."},
            ],
            "time_dimensions": [{"name": "joined", "expr": "joined", "data_type": "DATE", "description": "Since."}],
            "metrics": [{"name": "person_count", **COUNT}],
            "x_nl": {"default_time_dimension": "joined", "row_fields": ["person"]},
        },
        {
            "name": "orders",
            "description": "One row per order.",
            "base_table": {"database": "D", "schema": "S", "table": "ORDERS"},
            "primary_key": {"columns": ["id"]},
            "dimensions": [
                {"name": "id", "expr": "id", "data_type": "INTEGER", "description": "Number."},
                {"name": "channel", "expr": "channel", "data_type": "VARCHAR", "description": "Where it was placed."},
            ],
            "time_dimensions": [{"name": "placed", "expr": "placed", "data_type": "DATE", "description": "When."}],
            "metrics": [{"name": "order_count", **COUNT}],
            "x_nl": {"default_time_dimension": "placed", "row_fields": ["id"]},
        },
        {
            "name": "lines",
            "description": "One row per line.",
            "base_table": {"database": "D", "schema": "S", "table": "LINES"},
            "primary_key": {"columns": ["id", "line"]},
            "metrics": [
                {"name": "revenue", "expr": "SUM(price)", "description": "All.", "x_nl": {"data_type": "DOUBLE"}}
            ],
            "x_nl": {"default_time_dimension": "orders.placed"},
        },
    ],
    "relationships": [
        {
            "name": "lines_to_orders",
            "left_table": "lines",
            "right_table": "orders",
            "relationship_columns": [{"left_column": "id", "right_column": "id"}],
        },
        {
            "name": "orders_to_people",
            "left_table": "orders",
            "right_table": "people",
            "relationship_columns": [{"left_column": "person", "right_column": "person"}],
        },
    ],
    "metrics": [
        {
            "name": "revenue_per_order",
            "expr": "lines.revenue / orders.order_count",
            "description": "Mean.",
            "x_nl": {"data_type": "DOUBLE"},
        },
        {
            "name": "revenue_per_person",
            "expr": "lines.revenue / people.person_count",
            "description": "Mean.",
            "x_nl": {"data_type": "DOUBLE"},
        },
    ],
}
ROWS = """
CREATE SCHEMA s;
CREATE TABLE s.people AS SELECT * FROM (VALUES (1, 'Rome', DATE '2020-01-01'), (2, 'Oslo', DATE '2021-01-01'))
    AS t (person, town, joined);
CREATE TABLE s.orders AS SELECT * FROM (VALUES
    (1, 1, 'web', DATE '2023-05-01'), (2, 1, 'shop', DATE '2024-05-01'), (3, 2, 'web', DATE '2024-06-01')
) AS t (id, person, channel, placed);
CREATE TABLE s.lines AS SELECT * FROM (VALUES (1, 1, 10.0), (1, 2, 5.0), (2, 1, 7.0), (3, 1, 8.0))
    AS t (id, line, price);
"""


def definition(*, acting: bool = False) -> ModelDefinition:
    content = yaml.safe_load(yaml.safe_dump(MODEL))
    if acting:
        content["tables"][0]["x_nl"]["activity"] = "orders"
    return parse_definition(yaml.safe_dump(content), source="shop.yaml")


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("other") / "shop_of_others.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(ROWS)
    return path


@pytest.fixture(scope="module")
def source(database: Path) -> Iterator[Source]:
    with open_source(database, definition(), figures=Figures("EUR", "en_US")) as opened:
        yield opened


def rows(source: Source, *questions: str) -> list[tuple[object, ...]]:
    """Return the rows of the last question of a conversation."""
    talk = Conversation(source, suggest=False)
    for question in questions:
        answer = talk.ask(question)
    assert answer.result is not None, answer.text
    return [tuple(row.values()) for row in answer.result.table.to_pylist()]


def test_rows_without_a_date_are_asked_by_that_of_what_they_belong_to(source: Source) -> None:
    assert rows(source, "revenue in 2024") == [(15.0,)]
    assert rows(source, "revenue by year") == [(date(2023, 1, 1), 15.0), (date(2024, 1, 1), 15.0)]
    assert rows(source, "revenue by channel", "only in 2024") == [("shop", 7.0), ("web", 8.0)]


def test_the_sentence_says_whose_date_it_is(source: Source) -> None:
    answer = Conversation(source, suggest=False).ask("revenue in 2024")
    assert "with placed in 2024" in answer.text


def test_a_default_date_of_a_table_that_is_not_reached_is_refused() -> None:
    content = yaml.safe_load(yaml.safe_dump(MODEL))
    content["tables"][0]["x_nl"]["default_time_dimension"] = "orders.placed"
    with pytest.raises(InvalidDefinition, match=r"'orders.placed' is of no table that 'people' belongs to"):
        parse_model(yaml.safe_dump(content))
    content["tables"][0]["x_nl"]["default_time_dimension"] = "orders.nothing"
    with pytest.raises(InvalidDefinition, match=r"'orders.nothing' does not exist"):
        parse_model(yaml.safe_dump(content))


def test_a_default_date_goes_with_its_table(tmp_path: Path) -> None:
    path = tmp_path / "without.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(ROWS)
        connection.execute("DROP TABLE s.orders")
    with open_source(path, definition(), figures=Figures("EUR", "en_US")) as opened:
        assert opened.gone[:1] == ("orders",)
        assert Conversation(opened, suggest=False).ask("revenue in 2024").status == "refuse"


def test_a_formula_over_several_tables_is_answered(source: Source) -> None:
    assert rows(source, "revenue per order") == [(10.0,)]
    assert rows(source, "revenue per order by channel") == [("shop", 7.0), ("web", 11.5)]
    assert rows(source, "revenue per order in 2024") == [(7.5,)]
    assert rows(source, "revenue per person by town") == [("Oslo", 8.0), ("Rome", 22.0)]


def test_a_formula_over_those_who_act_is_not_narrowed_by_what_they_did(database: Path) -> None:
    with open_source(database, definition(acting=True), figures=Figures("EUR", "en_US")) as opened:
        assert rows(opened, "revenue per person") == [(15.0,)]
        for question in ("revenue per person in 2024", "revenue per person on the web"):
            result = Conversation(opened, suggest=False).ask(question).result
            assert result is None or "revenue_per_person" not in result.table.column_names, question


def test_orders_are_the_rows_and_no_wish_for_an_order(source: Source) -> None:
    assert rows(source, "orders by channel") == [("shop", 1), ("web", 2)]
    by_both = [("Oslo", "web", 1), ("Rome", "shop", 1), ("Rome", "web", 1)]
    assert rows(source, "how many orders by town and channel") == by_both
    assert rows(source, "revenue by channel sorted by revenue") == [("web", 23.0), ("shop", 7.0)]


def test_without_anybody_who_acts_the_newest_day_is_that_of_all_tables(source: Source) -> None:
    assert (source.engine.oldest, source.engine.newest) == (date(2020, 1, 1), date(2024, 6, 1))
