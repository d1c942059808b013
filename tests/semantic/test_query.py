"""A query that does not fit is refused with what would fit, before any engine is asked."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from customer360.errors import InvalidQuery
from customer360.semantic import SemanticModel, SemanticQuery, build_query, compile_query
from customer360.semantic.values import Bound, convert

pytestmark = pytest.mark.unit


def leaf(field: str, op: str, *values: Any) -> dict[str, Any]:
    if op in ("in", "not_in", "between"):
        return {"field": field, "op": op, "values": list(values)}
    return {"field": field, "op": op} | ({"value": values[0]} if values else {})


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({}, "at least one metric"),
        ({"fields": ["age"], "metrics": ["customer_count"]}, "cannot be combined"),
        ({"fields": ["age"], "having": leaf("customer_count", ">", 1)}, "list of rows has filters only"),
        ({"metrics": ["customer_count"], "limit": 0}, "limit"),
        ({"metrics": ["customer_count"], "limit": 50_001}, "limit"),
        ({"metrics": ["customer_count"], "limit": "10"}, "limit"),
        ({"metrics": ["customer_count"], "offset": -1}, "offset"),
        ({"metrics": ["customer_count; drop table x"]}, "metrics"),
        ({"dimensions": ["transaction_date:hour"]}, "grain"),
        ({"fields": ["age"], "filters": leaf("age", "~", 1)}, "op"),
        ({"fields": ["age"], "filters": leaf("age", "=")}, "is_null"),
        ({"fields": ["age"], "filters": leaf("age", "in")}, "takes a list"),
        ({"fields": ["age"], "filters": leaf("age", "between", 1)}, "takes two values"),
        ({"fields": ["age"], "filters": leaf("age", "is_null", 1)}, "takes no value"),
        ({"fields": ["age"], "filters": {"and": []}}, "and"),
        ({"fields": ["age"], "filters": {"and": [leaf("age", "=", 1)], "or": []}}, "or"),
        ({"fields": ["age"], "filters": {"xor": []}}, "filters"),
        ({"fields": ["age"], "filters": "age > 3"}, "filters"),
    ],
)
def test_a_malformed_query_is_refused(parts: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidQuery, match=message) as caught:
        build_query(parts)
    json.dumps(caught.value.as_dict())
    assert caught.value.details


def test_a_filter_that_is_too_deep_or_too_large_is_refused() -> None:
    deep: dict[str, Any] = leaf("age", "=", 1)
    for _ in range(30):
        deep = {"not": deep}
    with pytest.raises(InvalidQuery, match="at most"):
        build_query(fields=["age"], filters=deep)
    with pytest.raises(InvalidQuery, match="at most"):
        build_query(fields=["age"], filters={"or": [leaf("age", "=", 1)] * 201})


def test_a_query_survives_json() -> None:
    query = build_query(
        metrics=["total_spend"],
        dimensions=["transaction_date:month", {"name": "country"}],
        filters={"and": [leaf("age", ">", 30), {"not": {"or": [leaf("country", "in", "France", "Spain")]}}]},
        order=["-total_spend", {"by": "country"}],
    )
    assert SemanticQuery.model_validate_json(query.model_dump_json(by_alias=True)) == query
    assert [str(one) for one in query.order] == ["-total_spend", "country"]
    assert [str(one) for one in query.dimensions] == ["transaction_date:month", "country"]


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"metrics": ["customer_count"], "dimensions": ["channel"]}, "cannot be split by channel"),
        ({"metrics": ["spend_per_customer"], "dimensions": ["category_name"]}, "cannot be split by category_name"),
        ({"metrics": ["country"]}, "is a dimension and cannot be a metric"),
        ({"dimensions": ["lifetime_value"]}, "is a fact and cannot be a dimension"),
        ({"dimensions": ["country", "category_name"]}, "No row of"),
        ({"fields": ["version_number", "transaction_id"]}, "No row of"),
        ({"fields": ["customer_count"]}, "cannot be a field"),
        ({"metrics": ["customer_count"], "filters": leaf("customer_count", ">", 1)}, "cannot be a field of a filter"),
        ({"metrics": ["customer_count"], "having": leaf("age", ">", 1)}, "cannot be a metric of having"),
        ({"metrics": ["customer_count"], "order": ["-country"]}, "no column 'country'"),
        ({"metrics": ["customer_count", "customer_count"]}, "asked for twice"),
        ({"dimensions": ["age:month"]}, "cannot be rounded"),
        ({"metrics": ["product_count"], "filters": leaf("version_country", "=", "x")}, "in no way"),
        ({"fields": ["age"], "filters": leaf("age", "contains", "3")}, "needs a text"),
        ({"fields": ["customer_id"], "filters": leaf("nothing", "=", "x")}, "no field of a filter 'nothing'"),
        (
            {"dimensions": ["transaction_date:month", "transaction_date:year"], "order": ["transaction_date"]},
            "several columns",
        ),
    ],
)
def test_a_query_that_does_not_fit_the_model_is_refused(
    model: SemanticModel, parts: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidQuery, match=message) as caught:
        compile_query(model, build_query(parts), "duckdb")
    assert caught.value.next_action


def test_an_impossible_split_names_what_would_work(model: SemanticModel) -> None:
    with pytest.raises(InvalidQuery) as caught:
        compile_query(model, build_query(metrics=["customer_count"], dimensions=["channel"]), "duckdb")
    assert "one row per customer_id" in caught.value.message
    assert "transaction_count" in caught.value.next_action
    assert "country" in caught.value.next_action


@pytest.mark.parametrize(
    ("value", "data_type", "expected"),
    [
        ("30", "INTEGER", 30),
        (30.0, "INTEGER", 30),
        ("30.5", "INTEGER", Decimal("30.5")),
        (0.1, "DECIMAL(38,4)", Decimal("0.1")),
        ("1e3", "DECIMAL(38,4)", Decimal(1000)),
        (3, "DOUBLE", 3.0),
        (12345, "VARCHAR", "12345"),
        ("TRUE", "BOOLEAN", True),
        ("2024-02-29", "DATE", date(2024, 2, 29)),
        (date(2024, 1, 1), "TIMESTAMP", datetime(2024, 1, 1)),  # noqa: DTZ001
        (datetime(2024, 1, 1, tzinfo=UTC), "TIMESTAMP", datetime(2024, 1, 1)),  # noqa: DTZ001
        ("2024-01-01T12:00:00+02:00", "TIMESTAMP", datetime(2024, 1, 1, 10)),  # noqa: DTZ001
    ],
)
def test_values_become_the_type_of_their_field(value: Bound, data_type: str, expected: Bound) -> None:
    converted = convert(value, data_type, field="x")
    assert converted == expected
    assert type(converted) is type(expected)


@pytest.mark.parametrize(
    ("value", "data_type"),
    [
        ("many", "INTEGER"),
        (True, "INTEGER"),
        (float("nan"), "DOUBLE"),
        ("inf", "DECIMAL(38,4)"),
        (10**40, "BIGINT"),
        ("0." + "1" * 60, "DECIMAL(38,4)"),
        (1.5, "VARCHAR"),
        ("\ud800", "VARCHAR"),
        ("a\x00b", "VARCHAR"),
        ("x" * 10_001, "VARCHAR"),
        (1, "BOOLEAN"),
        ("31.12.2024", "DATE"),
        ("2024-02-30", "DATE"),
        (20240101, "DATE"),
        (datetime(2024, 1, 1, tzinfo=UTC), "DATE"),
        ("yesterday", "TIMESTAMP"),
        ("0001-01-01T00:00:00+10:00", "TIMESTAMP"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_with_what_is_expected(value: Bound, data_type: str) -> None:
    with pytest.raises(InvalidQuery, match="x cannot be compared with") as caught:
        convert(value, data_type, field="x")
    assert caught.value.next_action.startswith("Give ")
    assert len(caught.value.message) < 300


def test_queries_that_mean_different_things_are_written_differently() -> None:
    parts = [leaf("age", ">", 30), leaf("country", "=", "France")]
    written = {build_query(fields=["age"], filters={key: parts}).model_dump_json() for key in ("and", "or")}
    assert len(written) == 2
    query = build_query(fields=["age"], filters={"not": parts[0]})
    assert SemanticQuery.model_validate_json(query.model_dump_json()) == query
