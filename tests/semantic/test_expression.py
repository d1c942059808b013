"""Text becomes the same filter that a program would send, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customer360.errors import InvalidQuery
from customer360.semantic import build_query, parse_condition, query_from_text

pytestmark = pytest.mark.unit


def leaf(field: str, op: str, value: Any) -> dict[str, Any]:
    return {"field": field, "op": op, "value": value}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("age > 30", leaf("age", ">", 30)),
        ("30 < age", leaf("age", ">", 30)),
        ("age >= -5", leaf("age", ">=", -5)),
        ("lifetime_value <> 1000.10", leaf("lifetime_value", "!=", "1000.10")),
        ("fct_transactions.status = 'declined'", leaf("fct_transactions.status", "=", "declined")),
        ("full_name = 'O''Hara'", leaf("full_name", "=", "O'Hara")),
        ("country in ('France', 'Spain')", {"field": "country", "op": "in", "values": ["France", "Spain"]}),
        ("country not in ('France')", {"field": "country", "op": "not_in", "values": ["France"]}),
        ("age between 20 and 30", {"field": "age", "op": "between", "values": [20, 30]}),
        ("age not between 2 and 3", {"not": {"field": "age", "op": "between", "values": [2, 3]}}),
        ("country is null", {"field": "country", "op": "is_null"}),
        ("country is not null", {"field": "country", "op": "is_not_null"}),
        ("not (country is null)", {"not": {"field": "country", "op": "is_null"}}),
        ("is_travel", leaf("is_travel", "=", True)),
        ("not is_travel", {"not": leaf("is_travel", "=", True)}),
        ("is_travel is false", leaf("is_travel", "=", False)),
        ("full_name like '%ann%'", leaf("full_name", "contains", "ann")),
        ("full_name not ilike 'ann%'", {"not": leaf("full_name", "starts_with", "ann")}),
        ("contains(full_name, '100%')", leaf("full_name", "contains", "100%")),
        ("starts_with(full_name, 'A')", leaf("full_name", "starts_with", "A")),
        ("transaction_date >= date '2024-01-01'", leaf("transaction_date", ">=", "2024-01-01")),
        ("a = 1 and b = 2 and (c = 3)", {"and": [leaf("a", "=", 1), leaf("b", "=", 2), leaf("c", "=", 3)]}),
        ("a = 1 or b = 2 and c = 3", {"or": [leaf("a", "=", 1), {"and": [leaf("b", "=", 2), leaf("c", "=", 3)]}]}),
    ],
)
def test_a_condition_becomes_a_filter(text: str, expected: dict[str, Any]) -> None:
    assert parse_condition(text) == expected
    build_query(fields=["age"], filters=expected)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "drop table x",
        "age > 1; drop table x",
        "age = (select 1)",
        "age in (select 1)",
        "exists (select 1)",
        "read_csv('/etc/passwd')",
        "lower(country) = 'x'",
        "age + 1 = 2",
        "age = other",
        'country = "France"',
        "country = null",
        "a.b.c.d = 1",
        "age::varchar = '1'",
        "* = 1",
        "country is distinct from 'x'",
        "country like 'a_b%'",
        "country like '%x'",
        "country like 'x'",
        "age = 1 or",
        "(" * 300 + "age = 1" + ")" * 300,
        "not " * 500 + "age = 1",
        "age = 'unclosed",
        "x" * 20_000,
    ],
)
def test_anything_else_is_refused_with_what_is_allowed(text: str) -> None:
    with pytest.raises(InvalidQuery) as caught:
        parse_condition(text)
    assert caught.value.next_action


@given(st.text(max_size=60) | st.text(alphabet="age=<>()'\"$,-; andornt1.%", max_size=60))
def test_any_text_is_a_filter_or_refused(text: str) -> None:
    try:
        build_query(fields=["age"], filters=parse_condition(text))
    except InvalidQuery as error:
        assert error.next_action


def test_a_command_line_becomes_a_query() -> None:
    query = query_from_text(
        metrics=["customer_count,total_spend"],
        by=["country", "transaction_date:month"],
        where="lifetime_value > 1000",
        having="total_spend > 5",
        order=["-total_spend, country"],
        limit=10,
    )
    assert query == build_query(
        metrics=["customer_count", "total_spend"],
        dimensions=["country", "transaction_date:month"],
        filters=leaf("lifetime_value", ">", 1000),
        having=leaf("total_spend", ">", 5),
        order=["-total_spend", "country"],
        limit=10,
    )


def test_a_command_line_takes_aggregates_and_classes() -> None:
    query = query_from_text(
        metrics=["median(lifetime_value), percentile(age, 99.5),customer_count", "corr(age,lifetime_value)"],
        by=["age:10,country"],
        order=["-median_lifetime_value"],
    )
    assert query == build_query(
        metrics=[
            {"agg": "median", "field": "lifetime_value"},
            {"agg": "percentile", "field": "age", "percentile": 99.5},
            "customer_count",
            {"agg": "corr", "field": "age", "other": "lifetime_value"},
        ],
        dimensions=[{"name": "age", "bin": 10}, "country"],
        order=["-median_lifetime_value"],
    )


@pytest.mark.parametrize("text", ["median(age", "median age)", "median(age))", "f(a, b, c)", "median()", "(age)"])
def test_what_is_no_aggregate_is_refused(text: str) -> None:
    with pytest.raises(InvalidQuery):
        query_from_text(metrics=[text])
