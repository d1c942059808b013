"""Apache Ossie: the form of its schema, metrics over fields that exist, and everything else under its extensions."""

from __future__ import annotations

import json
from typing import Any

import pytest
import sqlglot
import yaml
from sqlglot import exp

from customer360.semantic import SemanticModel
from customer360.semantic.exporting import Format, export
from customer360.semantic.exporting.sql import ANSI
from customer360.semantic.model import METRIC_KINDS, ROW_KINDS

pytestmark = pytest.mark.unit

TYPES = {"String", "Integer", "Decimal", "Float", "Boolean", "Date", "Time", "DateTime", "DateTimeTz", "Opaque"}
EVERYWHERE = {"name", "description", "ai_context", "custom_extensions"}
KEYS = {
    "datasets": EVERYWHERE | {"source", "primary_key", "unique_keys", "fields"},
    "fields": EVERYWHERE | {"expression", "dimension", "label", "datatype"},
    "relationships": EVERYWHERE - {"description"} | {"from", "to", "from_columns", "to_columns"},
    "metrics": EVERYWHERE | {"expression", "datatype"},
}
"""The schema of core-spec/ossie-schema.json at 0.2.0.dev0, which allows no other keys."""


def written(model: SemanticModel) -> dict[str, Any]:
    document = yaml.safe_load(export(model, Format.OSSIE).text)
    assert document.keys() == {"version", "semantic_model"}
    assert document["version"] == "0.2.0.dev0"
    [content] = document["semantic_model"]
    found: dict[str, Any] = content
    return found


def dialects(part: dict[str, Any]) -> dict[str, str]:
    return {one["dialect"]: one["expression"] for one in part["expression"]["dialects"]}


def test_it_has_the_keys_of_the_schema_and_no_others(either: SemanticModel) -> None:
    content = written(either)
    assert content.keys() <= EVERYWHERE | KEYS.keys() - {"fields"}
    content["fields"] = [field for dataset in content["datasets"] for field in dataset["fields"]]
    for kind, keys in KEYS.items():
        for part in content[kind]:
            assert part.keys() <= keys
            assert part.get("datatype", "Opaque") in TYPES
            assert all(one.keys() == {"vendor_name", "data"} for one in part.get("custom_extensions", ()))
            assert all(json.loads(one["data"]) for one in part.get("custom_extensions", ()))


def test_fields_and_relationships_are_those_of_the_model(either: SemanticModel) -> None:
    content = written(either)
    found = {(dataset["name"], field["name"]) for dataset in content["datasets"] for field in dataset["fields"]}
    assert found == {(item.table, item.name) for item in either.list_items(ROW_KINDS)}
    assert [one["name"] for one in content["relationships"]] == [r.name for r in either.definition.relationships]


def test_a_metric_is_written_or_reported(either: SemanticModel) -> None:
    lost = [loss for loss in export(either, Format.OSSIE).losses if loss.feature == "metrics"]
    names = [metric["name"] for metric in written(either)["metrics"]]
    assert len(names) == len(set(names))
    assert len(names) + len(lost) == len(either.list_items(METRIC_KINDS))


def test_every_expression_parses_in_its_dialect_and_another_is_given_only_where_it_differs(
    either: SemanticModel,
) -> None:
    content = written(either)
    for part in [*content["metrics"], *(field for dataset in content["datasets"] for field in dataset["fields"])]:
        found = dialects(part)
        assert found.keys() in ({"ANSI_SQL"}, {"ANSI_SQL", "SNOWFLAKE"})
        assert found.get("SNOWFLAKE") != found["ANSI_SQL"]
        for name, text in found.items():
            sqlglot.parse_one(text, into=exp.Condition, read={"ANSI_SQL": ANSI, "SNOWFLAKE": "snowflake"}[name])


def test_metrics_read_fields_of_datasets_or_say_that_they_do_not(either: SemanticModel) -> None:
    content = written(either)
    fields = {(dataset["name"], field["name"]) for dataset in content["datasets"] for field in dataset["fields"]}
    said = {loss.path.split(".")[-2] for loss in export(either, Format.OSSIE).losses if loss.feature == "expr"}
    for metric in content["metrics"]:
        read = {(c.table, c.name) for c in sqlglot.parse_one(dialects(metric)["ANSI_SQL"]).find_all(exp.Column)}
        assert read
        assert {table for table, _ in read} <= either.tables.keys()
        assert (metric["name"] in said) == bool(read - fields), metric["name"]


def test_formulas_are_written_out_and_divide_as_doubles(small: SemanticModel) -> None:
    [rate] = [metric for metric in written(small)["metrics"] if metric["name"] == "buyer_rate"]
    assert dialects(rate)["ANSI_SQL"] == (
        "CAST(100 * (COUNT(DISTINCT orders.customer_id)) AS DOUBLE PRECISION) / "
        "NULLIF((COUNT(customers.customer_id)), 0)"
    )


def test_a_column_hidden_by_a_field_of_another_meaning_is_never_named(small: SemanticModel) -> None:
    assert "gold_count" not in [metric["name"] for metric in written(small)["metrics"]]


def test_what_the_core_cannot_say_is_in_the_extensions(small: SemanticModel) -> None:
    [customers, _] = written(small)["datasets"]
    [tier] = [field for field in customers["fields"] if field["name"] == "tier"]
    assert {one["vendor_name"]: json.loads(one["data"]) for one in tier["custom_extensions"]} == {
        "SNOWFLAKE": {"sample_values": ["Gold", "It's \\ silver", "yes"], "is_enum": True},
        "CUSTOMER360": {"x_nl": {"value_aliases": {"Gold": ["golden"]}}},
    }
