"""Cortex Analyst's YAML: what our own loader reads back means the same, and nothing of ours is in it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import sqlglot
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlglot import exp

from customer360.semantic import SemanticModel, build_query, compile_query, parse_model
from customer360.semantic.exporting import Format, export
from customer360.semantic.model import Kind
from customer360.warehouse.duckdb import DuckDBWarehouse
from tests.semantic.conftest import rows_of

pytestmark = pytest.mark.unit

TYPES = re.compile(
    r"VARCHAR|TEXT|INTEGER|BIGINT|DOUBLE|FLOAT|BOOLEAN|DATE|TIMESTAMP|(DECIMAL|NUMBER)\(\d+, ?\d+\)", re.ASCII
)
SPECIFICATION: Mapping[str, set[str]] = {
    "": {"name", "description", "tables", "relationships", "metrics", "verified_queries"}
    | {"custom_instructions", "module_custom_instructions"},
    "tables": {"name", "description", "synonyms", "base_table", "primary_key", "unique_keys"}
    | {"dimensions", "time_dimensions", "facts", "metrics", "filters"},
    "base_table": {"database", "schema", "table"},
    "primary_key": {"columns"},
    "unique_keys": {"columns"},
    "dimensions": {
        "name",
        "expr",
        "data_type",
        "description",
        "synonyms",
        "sample_values",
        "is_enum",
        "unique",
        "labels",
    },
    "time_dimensions": {"name", "expr", "data_type", "description", "synonyms", "sample_values", "unique"},
    "facts": {"name", "expr", "data_type", "description", "synonyms", "sample_values", "labels"},
    "metrics": {"name", "expr", "description", "synonyms"},
    "filters": {"name", "synonyms", "description", "expr"},
    "relationships": {"name", "left_table", "right_table", "relationship_columns"},
    "relationship_columns": {"left_column", "right_column"},
    "verified_queries": {"name", "question", "sql", "verified_at", "verified_by", "use_as_onboarding_question"},
    "module_custom_instructions": {"sql_generation", "question_categorization"},
}
"""What the public specification knows, block by block, of what our file can say."""


def written(model: SemanticModel) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(export(model, Format.SNOWFLAKE).text)
    return content


def blocks(content: Any, name: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield every mapping with the key it stands under."""
    if isinstance(content, dict):
        yield name, content
        for key, inner in content.items():
            yield from blocks(inner, key)
    elif isinstance(content, list):
        for inner in content:
            yield from blocks(inner, name)


def read_back(model: SemanticModel) -> SemanticModel:
    """Load the export as a model of ours, with the types of metrics put back, for which the format has no key."""
    content = written(model)
    types = {(item.table, item.name): item.data_type for item in model.items}
    for owner, name in [(content, ""), *((table, table["name"]) for table in content["tables"])]:
        for metric in owner.get("metrics", []):
            metric["x_nl"] = {"data_type": types[name, metric["name"]]}
    return parse_model(yaml.safe_dump(content), source="the export")


# Form


@pytest.mark.contract("S3.91")
def test_only_keys_of_the_specification_are_written_each_in_its_place(either: SemanticModel) -> None:
    for name, block in blocks(written(either)):
        assert block.keys() <= SPECIFICATION[name], name


def test_no_extension_is_left(either: SemanticModel) -> None:
    assert [key for _, block in blocks(written(either)) for key in block if key.startswith("x_")] == []


def test_synonyms_are_unique_in_the_whole_file(either: SemanticModel) -> None:
    found = [synonym.casefold() for _, block in blocks(written(either)) for synonym in block.get("synonyms", ())]
    assert [synonym for synonym, times in Counter(found).items() if times > 1] == []


def test_types_are_those_of_snowflake_and_metrics_have_none(either: SemanticModel) -> None:
    for name, block in blocks(written(either)):
        assert ("data_type" in block) == (name in ("dimensions", "time_dimensions", "facts"))
        assert TYPES.fullmatch(block.get("data_type", "DATE"))


def test_nothing_says_nothing(either: SemanticModel) -> None:
    assert [value for _, block in blocks(written(either)) for value in block.values() if value in ("", [], {})] == []


def test_verified_queries_have_their_sql_and_a_whole_second(small: SemanticModel) -> None:
    [query] = written(small)["verified_queries"]
    assert query["sql"] == "SELECT COUNT(*) AS customer_count FROM customers"
    assert isinstance(query["verified_at"], int)


def test_formulas_stand_at_the_model_and_name_their_tables(either: SemanticModel) -> None:
    formulas = written(either)["metrics"]
    assert {one["name"] for one in formulas} == {item.name for item in either.list_items({Kind.DERIVED})}
    for one in formulas:
        columns = sqlglot.parse_one(one["expr"], read="snowflake").find_all(exp.Column)
        assert all(column.table in either.tables for column in columns)


@pytest.mark.contract("S3.91")
def test_every_expression_parses_as_snowflake_sql_and_never_divides_by_zero(either: SemanticModel) -> None:
    expressions = [block["expr"] for _, block in blocks(written(either)) if "expr" in block]
    assert len(expressions) >= len(either.items)
    for text in expressions:
        tree = sqlglot.parse_one(text, into=exp.Condition, read="snowflake")
        assert all(isinstance(division.expression, exp.Nullif) for division in tree.find_all(exp.Div)), text


# Meaning


def test_the_loader_reads_back_the_same_tables_items_and_relationships(either: SemanticModel) -> None:
    back = read_back(either)
    assert back.tables == either.tables
    assert [edge.name for edge in back.definition.relationships] == [r.name for r in either.definition.relationships]
    for ours, theirs in zip(either.items, back.items, strict=True):
        assert (ours.full_name, ours.kind, ours.data_type) == (theirs.full_name, theirs.kind, theirs.data_type)
        assert (ours.description, ours.synonyms) == (theirs.description, theirs.synonyms)


@pytest.mark.parametrize("dialect", ["duckdb", "snowflake"])
def test_every_metric_of_a_table_compiles_to_the_same_sql(either: SemanticModel, dialect: str) -> None:
    bare, back = _without_units(either), read_back(either)
    for item in either.list_items({Kind.METRIC}):
        query = build_query({"metrics": [item.full_name]})
        ours, theirs = (compile_query(one, query, dialect).sql for one in (bare, back))
        assert ours == theirs


def test_every_row_item_compiles_to_the_same_sql(either: SemanticModel) -> None:
    back = read_back(either)
    for item in either.list_items({Kind.DIMENSION, Kind.TIME, Kind.FACT}):
        query = build_query({"fields": [item.full_name]})
        assert compile_query(either, query, "duckdb").sql == compile_query(back, query, "duckdb").sql


def test_formulas_give_the_same_answers(model: SemanticModel, warehouse: DuckDBWarehouse) -> None:
    """A divisor is guarded twice when it is read back, so the statements differ and the figures must not."""
    models = (_without_units(model), read_back(model))
    for item in model.list_items({Kind.DERIVED}):
        query = build_query({"metrics": [item.full_name], "dimensions": ["country"], "order": ["country"]})
        compiled = [compile_query(one, query, "duckdb") for one in models]
        ours, theirs = (rows_of(warehouse.query(one.sql, list(one.parameters))) for one in compiled)
        assert ours == theirs, item.name
        assert len(ours) > 1


def _without_units(model: SemanticModel) -> SemanticModel:
    """Return a model without its extension but for types: units decide what an empty count is, and are lost."""
    content = yaml.safe_load(model.definition.model_dump_json(by_alias=True, exclude_defaults=True))
    for _, block in list(blocks(content)):
        extension = block.get("x_nl", {})
        for key in extension.keys() - {"data_type"}:
            del extension[key]
    return parse_model(yaml.safe_dump(content))


# Hostile texts

TEXTS = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")) | st.sampled_from("\n\t'\"\\$:-#{}[]%&*!|>")
)


TAKEN = frozenset({"clients", "buyer's list", "number of customers", "active", "revenue", "average amount"})
"""Synonyms of the small model, of which another thing may not have one."""


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(TEXTS.map(str.strip).filter(lambda text: text and text.casefold() not in TAKEN))
def test_no_text_breaks_the_yaml(small: SemanticModel, text: str) -> None:
    content = yaml.safe_load(small.definition.model_dump_json(by_alias=True))
    content["description"] = content["tables"][0]["description"] = text
    content["tables"][0]["dimensions"][1] |= {"synonyms": [text], "sample_values": [text]}
    model = parse_model(yaml.safe_dump(content, allow_unicode=True))
    found = written(model)
    assert found["description"] == found["tables"][0]["description"] == model.definition.description
    assert found["tables"][0]["dimensions"][1]["sample_values"] == [text]
    assert found["tables"][0]["dimensions"][1]["synonyms"] == [text]
