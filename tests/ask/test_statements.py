"""Values in a statement are literals: whatever they hold, the statement means the same as with bound values."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
import sqlglot
from hypothesis import given
from hypothesis import strategies as st
from sqlglot import exp

from customer360.ask.statements import Value, literal, read_select, with_physical_tables, write_statement
from customer360.errors import InvalidQuery
from customer360.semantic import (
    Condition,
    Reader,
    Reading,
    SemanticQuery,
    build_query,
    compile_query,
    load_model,
)
from customer360.settings import QuerySettings, ResourceSettings, load, project_files
from customer360.workspace import Workspace

HOSTILE = [
    "it's",
    "\\' OR 1=1 --",
    "'; DROP TABLE x; --",
    "$1",
    ":1",
    "a\nb\t",
    "é🙂",
    "%_",
    "\\",
    "''",
    "$$",
    "/*",
    "",
]
DIALECTS = ["duckdb", "snowflake"]
MODEL = load_model(project_files("semantic") / "customer_analytics.yaml")


@pytest.mark.unit
@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("text", HOSTILE)
def test_a_text_stays_one_text(text: str, dialect: str) -> None:
    query = _where("state", "=", text)
    parsed = read_select(write_statement(MODEL, query, dialect), dialect)
    texts = [one.this for one in parsed.find_all(exp.Literal) if one.is_string]
    assert texts == [text]
    assert not list(parsed.find_all(exp.Placeholder, exp.Parameter))


@pytest.mark.unit
@pytest.mark.parametrize("dialect", DIALECTS)
@given(text=st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=60))
def test_any_text_stays_one_text(dialect: str, text: str) -> None:
    written = exp.select(literal(text)).sql(dialect)
    [found] = sqlglot.parse_one(written, dialect=dialect).expressions
    assert (found.is_string, found.this) == (True, text)


@pytest.mark.unit
@pytest.mark.parametrize(
    ("value", "written"),
    [
        (True, "TRUE"),
        (-5, "-5"),
        (Decimal("1E+3"), "1000"),
        (Decimal("-0.50"), "-0.50"),
        (0.1, "CAST(0.1 AS DOUBLE)"),
        (date(2025, 3, 1), "CAST('2025-03-01' AS DATE)"),
        (
            datetime(2025, 3, 1, 12, 30),  # noqa: DTZ001
            "CAST('2025-03-01 12:30:00' AS TIMESTAMP)",
        ),
    ],
)
def test_a_value_keeps_its_type(value: Value, written: str) -> None:
    assert literal(value).sql("duckdb") == written


@pytest.fixture(scope="module")
def reading(small_bank_home: Path) -> Iterator[Reading]:
    reader = Reader.of(Workspace(small_bank_home), load(QuerySettings), load(ResourceSettings))
    with reader.pin() as found:
        yield found
    reader.close()


def _where(field: str, op: str, value: object) -> SemanticQuery:
    given: dict[str, object] = {"values": value} if isinstance(value, list) else {"value": value}
    condition = Condition.model_validate({"field": f"customer_360_profile.{field}", "op": op, **given})
    return build_query(metrics=["customer_count"], dimensions=["customer_segment"], filters=condition)


@pytest.mark.integration
def test_a_statement_gives_what_bound_values_give(reading: Reading) -> None:
    model, warehouse = reading.model, reading.build.warehouse
    since = Condition.model_validate({"field": "transaction_date", "op": ">=", "value": "2025-03-01"})
    often = Condition.model_validate({"field": "transaction_count", "op": ">", "value": 30})
    queries = [
        _where("state", "in", ["CA", "TX", "it's"]),
        _where("lifetime_value", ">", 500.5),
        _where("account_open_date", "<", "2024-01-01"),
        _where("full_name", "contains", "'%_"),
        build_query(metrics=["total_spend"], dimensions=["state"], filters=since, having=often),
        build_query(fields=["customer_id", "lifetime_value"], order=["-lifetime_value"], limit=7, offset=3),
        build_query(metrics=["total_spend"], dimensions=["transaction_date:month"], order=["-total_spend"], limit=3),
    ]
    for query in queries:
        compiled = compile_query(model, query, warehouse.dialect)
        bound = warehouse.query(compiled.sql, compiled.parameters)
        assert warehouse.query(write_statement(model, query, warehouse.dialect)).equals(bound), query


@pytest.mark.unit
@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    "text",
    [
        "DROP TABLE x",
        "SELECT 1; DROP TABLE x",
        "INSERT INTO t SELECT 1",
        "CREATE TABLE t AS SELECT 1",
        "WITH a AS (DELETE FROM t RETURNING *) SELECT * FROM a",
        "SELECT * INTO t FROM x",
        "COPY t TO 'x'",
        "CALL p()",
        "SELECT ((",
        "",
        ";",
        "not sql at all ?",
    ],
)
def test_only_one_select_is_a_statement(text: str, dialect: str) -> None:
    with pytest.raises(InvalidQuery):
        read_select(text, dialect)


@pytest.mark.unit
def test_a_verified_query_over_logical_tables_becomes_one_over_those_of_the_build() -> None:
    text = "WITH t AS (SELECT * FROM __customer_360_profile) SELECT COUNT(*) FROM t JOIN FCT_TRANSACTIONS AS f ON 1 = 1"
    placed = with_physical_tables(read_select(text, "snowflake"), MODEL, schema_suffix="_B1").sql("snowflake")
    assert "gold_B1.customer_360_profile AS __customer_360_profile" in placed
    assert "gold_B1.fct_transactions AS f" in placed
    assert "FROM t" in placed
