"""Expressions of others: kept where both engines read them, translated where that is certain, refused else."""

from __future__ import annotations

import duckdb
import pytest
import sqlglot
from sqlglot import exp

from customer360.semantic.importing.sql import NotImported, kept_text, read_sql, write_sql
from customer360.semantic.importing.types import type_named, type_of

pytestmark = pytest.mark.unit

KEPT = (
    *("amount", "SUM(amount)", "COUNT(DISTINCT a)", "a / b", "CASE WHEN a > 1 THEN 'x' ELSE 'y' END", "a::DATE"),
    *("COALESCE(a, 0)", "LEFT(a, 3)", "CORR(a, b)", "PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY a)", "MEDIAN(a)"),
    *("DATE_TRUNC('month', d)", "YEAR(d)", "SPLIT_PART(a, '-', 1)", "a ILIKE '%x%'", 'SUM("Line Amount")'),
)
TRANSLATED = {
    "IFF(a > 1, 'x', 'y')": "CASE WHEN a > 1 THEN 'x' ELSE 'y' END",
    "COUNT_IF(a = 'x')": "COUNT(CASE WHEN a = 'x' THEN 1 END)",
    "DECODE(a, 1, 'x', 'y')": "CASE WHEN a = 1 THEN 'x' ELSE 'y' END",
    "ZEROIFNULL(a)": "CASE WHEN a IS NULL THEN 0 ELSE a END",
    "AMOUNT * 2": "amount * 2",
    '"AMOUNT" + 1': "amount + 1",
    '"group" + 1': '"group" + 1',
}
REFUSED = {
    "MY_UDF(a)": "MY_UDF, a function",
    "SUM(a) OVER (ORDER BY b)": "",
    "TO_CHAR(d, 'YYYY')": "Not both engines",
    "TRY_TO_NUMBER(a)": "Not both engines",
    "DATEADD(day, -7, d)": "Not both engines",
    "SUM(a) FILTER (WHERE b)": "FILTER",
    "a:b::string": "structure",
    "OBJECT_CONSTRUCT('a', b)": "structure",
    "{{ variable }}": "template",
    "SUM(${column})": "template",
    "SELECT": "no SQL",
    "SUM(": "no SQL",
}


@pytest.mark.parametrize("text", KEPT)
def test_what_both_engines_read_stays_as_it_is(text: str) -> None:
    assert kept_text(text, read_sql(text)) == text


@pytest.mark.parametrize(("text", "written"), TRANSLATED.items())
def test_what_is_said_in_snowflakes_way_is_written_for_both(text: str, written: str) -> None:
    assert write_sql(read_sql(text)) == written


@pytest.mark.parametrize(("text", "reason"), [(text, reason) for text, reason in REFUSED.items() if reason])
def test_what_is_not_understood_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(NotImported, match=reason):
        read_sql(text)


@pytest.mark.parametrize("text", [*KEPT, *TRANSLATED])
def test_what_is_accepted_reads_the_same_in_both_engines(text: str) -> None:
    tree = read_sql(text)
    ours = sqlglot.parse_one(write_sql(tree), into=exp.Condition, read="duckdb")
    there = sqlglot.parse_one(ours.sql("snowflake"), into=exp.Condition, read="snowflake")
    assert read_sql(there.sql("snowflake")).sql("duckdb") == tree.sql("duckdb")


@pytest.mark.parametrize("text", ["SUM(a)", "COUNT_IF(a > 1)", "IFF(a > 1, 2, 3)", "MEDIAN(a)", "CORR(a, b)", "a / b"])
def test_what_is_accepted_runs(text: str) -> None:
    select = exp.select(read_sql(text)).from_(exp.values([(1, 2.0), (3, 5.0)], alias="t", columns=["a", "b"]))
    with duckdb.connect(":memory:") as connection:
        assert connection.execute(select.sql("duckdb")).fetchall()


def test_several_dialects_are_tried_in_turn() -> None:
    assert write_sql(read_sql("iff(a, 1, 2)", ("duckdb", "snowflake"))) == "CASE WHEN a THEN 1 ELSE 2 END"
    with pytest.raises(NotImported, match="MY_UDF"):
        read_sql("MY_UDF(a)", ("duckdb", "snowflake"))


TYPES = {
    "NUMBER(38,0)": "BIGINT",
    "number(10, 2)": "DECIMAL(10,2)",
    "VARCHAR(16777216)": "VARCHAR",
    "string": "VARCHAR",
    "FLOAT": "DOUBLE",
    "TIMESTAMP_NTZ(9)": "TIMESTAMP",
    "TIMESTAMP WITH TIME ZONE": "TIMESTAMP",
    "HUGEINT": "BIGINT",
    "ENUM('a', 'b')": "VARCHAR",
    "NUMBER": None,
    "VARIANT": None,
    "ARRAY": None,
    "TIME": None,
    "INTEGER[]": None,
}


@pytest.mark.parametrize(("given", "ours"), TYPES.items())
def test_types_of_others_have_our_names_or_none(given: str, ours: str | None) -> None:
    assert type_named(given) == ours


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("COUNT(*)", "BIGINT"),
        ("SUM(n)", "BIGINT"),
        ("SUM(m)", "DECIMAL(38,2)"),
        ("SUM(m * m)", "DECIMAL(38,4)"),
        ("SUM(f)", "DOUBLE"),
        ("AVG(m)", "DOUBLE"),
        ("MAX(d)", "DATE"),
        ("MIN(t)", "VARCHAR"),
        ("SUM(CASE WHEN t = 'x' THEN m END)", "DECIMAL(38,2)"),
        ("100 * COUNT(n) / COUNT(*)", "DOUBLE"),
        ("n > 1 AND t = 'x'", "BOOLEAN"),
        ("COALESCE(n, 0)", "BIGINT"),
        ("SUM(nobody_knows)", None),
        ("SUM(t)", None),
        ("d - 1", None),
    ],
)
def test_what_an_expression_gives_follows_from_its_columns(text: str, found: str | None) -> None:
    columns = {"n": "INTEGER", "m": "DECIMAL(10,2)", "f": "DOUBLE", "d": "DATE", "t": "VARCHAR"}
    assert type_of(read_sql(text), columns) == found
