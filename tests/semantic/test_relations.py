"""Where tables are related in more than one way, or not by the same key, nothing is guessed."""

from __future__ import annotations

from typing import Any

import pytest

from customer360.errors import InvalidQuery
from customer360.semantic import SemanticModel, build_query, compile_query

from .test_model import build, metric, relationship, table

pytestmark = pytest.mark.unit


def column(name: str, expr: str | None = None) -> dict[str, Any]:
    return {"name": name, "expr": expr or name, "data_type": "VARCHAR", "description": "Column."}


def small(*relationships: dict[str, Any]) -> SemanticModel:
    return build(
        table("a", "a_id", metrics=[metric("COUNT(*)", name="a_count")]),
        table("b", "b_id"),
        table("c", "c_id", unique_keys=[{"columns": ["code"]}], dimensions=[column("c_id"), column("color")]),
        table("d", "d_id"),
        relationships=list(relationships),
    )


def compiled(model: SemanticModel, field: str) -> str:
    query = build_query(metrics=["a_count"], filters={"field": field, "op": "=", "value": "x"})
    return compile_query(model, query, "duckdb").sql


def test_two_ways_to_a_table_are_refused() -> None:
    model = small(relationship("home", "a", "c", "home", "c_id"), relationship("work", "a", "c", "work", "c_id"))
    with pytest.raises(InvalidQuery, match="2 ways: home; work"):
        compiled(model, "color")


def test_two_shared_tables_are_refused() -> None:
    edges = [relationship(left + right, left, right, right, right + "_id") for left in "ab" for right in "cd"]
    with pytest.raises(InvalidQuery, match="share several tables: c, d"):
        compiled(small(*edges), "b_id")


def test_siblings_that_point_at_different_keys_meet_in_the_shared_table() -> None:
    model = small(relationship("ac", "a", "c", "c_id", "c_id"), relationship("bc", "b", "c", "code", "code"))
    assert compiled(model, "b_id").endswith(
        "FROM gold.a LEFT JOIN gold.c ON a.c_id = c.c_id WHERE EXISTS"
        "(SELECT 1 FROM gold.b WHERE b.code = c.code AND b.b_id = $1)) AS g LIMIT 1000"
    )


def test_a_path_of_two_steps_is_joined_step_by_step_and_the_last_key_is_read_before_it() -> None:
    model = small(relationship("ab", "a", "b", "b", "b_id"), relationship("bc", "b", "c", "c", "c_id"))
    assert "LEFT JOIN gold.b ON a.b = b.b_id LEFT JOIN gold.c ON b.c = c.c_id" in compiled(model, "color")
    assert "FROM gold.a LEFT JOIN gold.b ON a.b = b.b_id WHERE b.c = $1" in compiled(model, "c_id")


def test_filters_through_two_fine_tables_are_refused() -> None:
    model = build(
        table("c", "c_id", metrics=[metric("COUNT(*)", name="a_count")]),
        table("d", "d_id"),
        table("a", "a_id"),
        table("b", "b_id"),
        relationships=[
            relationship(left + right, left, right, right, right + "_id") for left in "ab" for right in "cd"
        ],
    )
    with pytest.raises(InvalidQuery, match="several ways: a, b"):
        compiled(model, "d_id")
