"""The model file is refused when it is unsound, and the shipped one fits the tables of a build."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import sqlglot
import yaml

from customer360.errors import InvalidDefinition, InvalidQuery
from customer360.semantic import Kind, SemanticModel, expression_checks, key_checks, load_model, parse_model
from customer360.semantic.model import GROUP_KINDS, METRIC_KINDS, ROW_KINDS
from customer360.warehouse import Warehouse

pytestmark = pytest.mark.unit


def table(name: str, key: str, **parts: Any) -> dict[str, Any]:
    base = {"database": "D", "schema": "GOLD", "table": name.upper()}
    dimension = {"name": key, "expr": key, "data_type": "VARCHAR", "description": "Key."}
    filled = {"name": name, "description": "Rows.", "base_table": base, "primary_key": {"columns": [key]}}
    return filled | {"dimensions": [dimension]} | parts


def relationship(name: str, left: str, right: str, left_column: str, right_column: str) -> dict[str, Any]:
    columns = [{"left_column": left_column, "right_column": right_column}]
    return {"name": name, "left_table": left, "right_table": right, "relationship_columns": columns}


def metric(expr: str, **parts: Any) -> dict[str, Any]:
    return {"name": "m", "expr": expr, "description": "M.", "x_nl": {"data_type": "BIGINT"}} | parts


def build(*tables: dict[str, Any], **parts: Any) -> SemanticModel:
    content = {"name": "small", "description": "Small.", "tables": list(tables)} | parts
    return parse_model(yaml.safe_dump(content), source="small.yaml")


@pytest.mark.contract("S3.91")
def test_the_shipped_model_has_the_name_and_tables_of_the_contract(model: SemanticModel) -> None:
    assert model.name == "customer_analytics_semantic_model"
    assert {"customer_360_profile", "fct_transactions", "dim_merchant_category"} <= model.tables.keys()
    assert len(model.list_items(GROUP_KINDS)) >= 40
    assert len(model.list_items(METRIC_KINDS)) >= 30


@pytest.mark.integration
@pytest.mark.contract("S3.91")
def test_every_expression_of_the_shipped_model_is_accepted_by_the_engine(
    model: SemanticModel, asked: Warehouse
) -> None:
    for statement in expression_checks(model, asked.dialect):
        asked.explain(statement)


def test_every_expression_of_the_shipped_model_parses_as_snowflake_sql(model: SemanticModel) -> None:
    for statement in [*expression_checks(model, "snowflake"), *key_checks(model, "snowflake", schema_suffix="_b1")]:
        sqlglot.parse_one(statement, read="snowflake")


@pytest.mark.integration
def test_key_checks_find_no_row_where_keys_are_keys(model: SemanticModel, asked: Warehouse) -> None:
    found = [asked.query(statement).num_rows for statement in key_checks(model, asked.dialect)]
    assert found == [0] * len(model.tables)


def test_a_column_that_a_build_lacks_is_found_by_the_checks(asked: Warehouse) -> None:
    missing = {"name": "x", "expr": "nowhere", "data_type": "VARCHAR", "description": "X."}
    small = build(table("dim_product", "product_id", dimensions=[missing]))
    with pytest.raises(InvalidQuery, match=r"(?i)nowhere"):
        asked.explain(expression_checks(small, asked.dialect)[0])


def test_models_that_say_the_same_are_equal(model: SemanticModel, tmp_path: Path) -> None:
    small = build(table("a", "k"))
    assert small == build(table("a", "k"))
    assert small != model
    assert hash(small) == hash(build(table("a", "k")))


def test_large_keys_leave_as_text(model: SemanticModel) -> None:
    keys = [item for item in model.items if item.name in ("transaction_key", "customer_key", "product_key")]
    assert {item.data_type for item in keys} == {"VARCHAR"}
    assert len(keys) == 3


def test_bare_names_of_the_shipped_model_are_unambiguous(model: SemanticModel) -> None:
    for kinds in (ROW_KINDS, METRIC_KINDS):
        for item in model.list_items(kinds):
            found = model.get_item(item.name, kinds, role="field")
            assert found.table == model.relations.home(item.table)


def test_an_unknown_name_is_answered_with_near_ones(model: SemanticModel) -> None:
    with pytest.raises(InvalidQuery, match="no dimension 'contry'") as caught:
        model.get_item("contry", GROUP_KINDS, role="dimension")
    assert "country" in caught.value.next_action


def test_a_metric_in_the_place_of_a_dimension_is_explained(model: SemanticModel) -> None:
    with pytest.raises(InvalidQuery, match="is a metric and cannot be a dimension") as caught:
        model.get_item("total_spend", GROUP_KINDS, role="dimension")
    assert "having" in caught.value.next_action


def test_an_ambiguous_name_lists_its_full_names() -> None:
    small = build(table("a", "k"), table("b", "k"))
    with pytest.raises(InvalidQuery, match=r"a\.k, b\.k"):
        small.get_item("k", GROUP_KINDS, role="dimension")
    assert small.get_item("b.k", GROUP_KINDS, role="dimension").table == "b"


REFUSED = [
    ([table("a", "k", metrics=[metric("k + 1")])], {}, "must aggregate"),
    ([table("a", "k", metrics=[metric("SUM(b.x)")])], {}, "own table"),
    ([table("a", "k", metrics=[metric("SUM(x) OVER ()")])], {}, "subquery, a window"),
    ([table("a", "k", metrics=[metric("(SELECT MAX(x) FROM b)")])], {}, "subquery"),
    ([table("a", "k", metrics=[metric("SUM(")])], {}, "does not parse"),
    ([table("a", "k", metrics=[metric("COUNT(*)", x_nl={})])], {}, "has no type"),
    ([table("a", "k", metrics=[metric("COUNT(*)", name="k")])], {}, "'k' is used twice"),
    ([table("a", "k", synonyms=["One"]), table("b", "k", synonyms=["one"])], {}, "synonym 'one' is used twice"),
    ([table("a", "k"), table("a", "k")], {}, "table name 'a' is used twice"),
    ([table("a", "k", x_nl={"default_metric": "none"})], {}, r"default 'a\.none'"),
    ([table("a", "k")], {"relationships": [relationship("r", "a", "b", "k", "k")]}, "'b' that does not exist"),
    ([table("a", "k"), table("b", "k")], {"relationships": [relationship("r", "a", "b", "k", "j")]}, "point at a key"),
    ([table("a", "k")], {"metrics": [metric("a.none / 2")]}, r"'a\.none'"),
    (
        [table("a", "k"), table("b", "k")],
        {"relationships": [relationship("r", "a", "b", "k", "k"), relationship("s", "b", "a", "k", "k")]},
        "cycle: a → b → a",
    ),
    ([table("a", "k", metricz=[])], {}, "metricz"),
    ([table("a", "k")], {"variables": []}, "variables"),
]


@pytest.mark.parametrize(("tables", "parts", "message"), REFUSED)
def test_an_unsound_model_is_refused(tables: list[dict[str, Any]], parts: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidDefinition, match=message) as caught:
        build(*tables, **parts)
    assert "small.yaml" in caught.value.message
    assert caught.value.next_action


def test_a_dimension_may_not_aggregate() -> None:
    bad = {"name": "x", "expr": "MAX(k)", "data_type": "VARCHAR", "description": "X."}
    with pytest.raises(InvalidDefinition, match="may not aggregate"):
        build(table("a", "k", dimensions=[bad]))


@pytest.mark.parametrize("text", ["a: [1", "name: x\nname: y", "just text", ""])
def test_a_file_that_is_no_model_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "model.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidDefinition, match=r"model\.yaml"):
        load_model(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidDefinition, match=r"none\.yaml cannot be read"):
        load_model(tmp_path / "none.yaml")


def test_formulas_know_the_metrics_they_are_made_of(model: SemanticModel) -> None:
    formula = model.get_item("spend_per_customer", frozenset({Kind.DERIVED}), role="metric")
    assert {item.name for item in model.operands(formula).values()} == {"total_spend", "customer_count"}
