"""The files of infra/snowflake: whole, parsable, in an order that follows from what they make, and repeatable."""

from __future__ import annotations

import logging
import random
import re
from dataclasses import fields, replace
from pathlib import Path

import pytest
import sqlglot
from hypothesis import given
from hypothesis import strategies as st
from sqlglot import exp

from customer360.build import monitoring
from customer360.errors import InvalidDefinition, InvalidSetting
from customer360.lake.contracts import PROVENANCE, TABLES, TableContract
from customer360.lake.manifests import Manifest
from customer360.settings import SnowflakeSettings, SnowflakeSetupSettings
from customer360.warehouse.deployment import values_of
from customer360.warehouse.migrations import (
    IDENTIFIER,
    VARIABLES,
    Migration,
    put_in_order,
    read_migrations,
    render,
    split,
)

pytestmark = [pytest.mark.unit, pytest.mark.contract("S2.05")]

MIGRATIONS = read_migrations()
VALUES = values_of(SnowflakeSettings.model_construct(), SnowflakeSetupSettings.model_construct()) | {
    "s3_bucket": "company-files",
    "s3_role_arn": "arn:aws:iam::123456789012:role/snowflake",
    "git_origin": "https://example.com/company/customer360.git",
}
STATEMENTS = [
    pytest.param(statement.text, id=f"{migration.name}:{statement.line}")
    for migration in MIGRATIONS
    for statement in migration.statements(VALUES)
]
AS_COMMANDS = {
    "ALTER GIT",
    "ALTER TASK",
    "CREATE API",
    "CREATE GIT",
    "CREATE ROLE",
    "CREATE STREAM",
    "CREATE TASK",
    "DESCRIBE INTEGRATION",
    "GRANT",
    "SHOW",
}
"""Statements that sqlglot takes as a whole, without looking inside."""
ELSEWHERE = {"batches", "churn_models"}
"""What is not kept over all builds in OPS: OPS.BATCHES is the manifest, and the registry of models lies in the
workspace; as a build found it, it is in GOLD.CHURN_MODEL."""


def _named(name: str) -> Migration:
    [found] = [migration for migration in MIGRATIONS if migration.name[5:] == name]
    return found


# Structure


def test_files_are_numbered_without_gaps_and_everything_else_may_run_again() -> None:
    numbers = [migration.name[:4] for migration in MIGRATIONS if migration.runs_once]
    assert numbers == [f"{number:04}" for number in range(1, len(numbers) + 1)]
    assert {migration.name for migration in MIGRATIONS if not migration.runs_once} == {"permissions", "semantic_model"}


def test_every_variable_is_used_and_has_a_value() -> None:
    assert set().union(*(migration.variables for migration in MIGRATIONS)) == VARIABLES.keys() == VALUES.keys()


def test_a_file_without_its_header_is_refused(tmp_path: Path) -> None:
    (tmp_path / "migrations").mkdir()
    (tmp_path / "migrations" / "0001_x.sql").write_text("select 1;\n")
    (tmp_path / "permissions.sql").write_text("")
    with pytest.raises(InvalidDefinition, match=r"0001_x\.sql does not begin with its header"):
        read_migrations(tmp_path)


# Statements


@pytest.mark.parametrize("statement", STATEMENTS)
def test_every_statement_parses(statement: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.CRITICAL, "sqlglot"):
        tree = sqlglot.parse_one(statement, dialect="snowflake")
    words = [word.upper() for word in re.sub(r"--.*\n", "", statement).split()]
    if isinstance(tree, exp.Command):
        assert {" ".join(words[:2]).removesuffix(" PARAMETERS"), words[0]} & AS_COMMANDS, statement


@pytest.mark.parametrize("statement", STATEMENTS)
@pytest.mark.contract("S2.06")
def test_every_statement_may_run_twice(statement: str) -> None:
    """CREATE OR ALTER would do as well, but the emulator takes it for OR REPLACE and drops the rows."""
    text = " ".join(re.sub(r"--.*\n", "", statement).split()).lower()
    if text.startswith("create"):
        assert re.match(r"create [\w ]*?if not exists|create or replace (view|procedure) ", text)
    elif text.startswith("insert"):
        assert "where not exists" in text
    else:
        added = r"alter table \S+ add column if not exists "
        alone = r"use|grant|alter task \S+ resume|alter git|select|show|describe|put .* overwrite = true"
        assert re.match(f"{added}|{alone}", text)


def test_views_that_are_replaced_keep_their_grants() -> None:
    for migration in MIGRATIONS:
        assert len(re.findall("or replace view", migration.text)) == migration.text.count(" copy grants as ")


PROCEDURE = """-- A file; with a semicolon in a comment
create table a (x varchar default 'it''s; fine'); -- and; here
/* a block;
   over two lines */
create or replace procedure p(x varchar) returns varchar language sql as
$$
begin
    let y := 'one; two'; -- an odd ' quote
    return "y;z";
end;
$$;
put 'file:///tmp/a;b.parquet' @stage;

select "a;b" from t
"""


@pytest.mark.contract("S2.14")
def test_statements_are_split_around_bodies_strings_and_comments() -> None:
    found = split(PROCEDURE)
    assert [(statement.line, statement.words[:2]) for statement in found] == [
        (2, ("CREATE", "TABLE")),
        (5, ("CREATE", "OR")),
        (12, ("PUT", "FILE:///TMP/A;B.PARQUET")),
        (14, ("SELECT", "A;B")),
    ]
    assert found[1].text.rstrip().endswith("$$;")
    assert split("-- nothing but a comment\n;\n") == []


def test_a_definition_inside_a_transaction_is_refused() -> None:
    text = "begin;\ninsert into a values (1);\ncreate table b (x int);\ncommit;\n"
    migration = replace(_named("jobs"), name="0099_x", text=text)
    with pytest.raises(InvalidDefinition, match=r"0099_x\.sql, line 3: CREATE stands between BEGIN and COMMIT"):
        migration.statements(VALUES)
    after = replace(migration, text="begin;\ninsert into a values (1);\ncommit;\ncreate table b (x int);\n")
    assert len(after.statements(VALUES)) == 4


# Variables


@pytest.mark.parametrize(
    "value", ["", "a b", "x; drop database y", "x'y", 'x"y', "x.y", "1x", "x\n", "&{warehouse}", "x--", "ä" * 3]
)
def test_a_value_that_is_no_name_is_refused(value: str) -> None:
    with pytest.raises(InvalidSetting, match="needs database"):
        render("use database &{database};", {"database": value}, where="A file")


@given(st.sampled_from(sorted(VARIABLES)), st.text(max_size=30))
def test_no_value_adds_a_statement_or_ends_a_string(name: str, value: str) -> None:
    before = split(f"select '&{{{name}}}', 1;\nselect 2;")
    try:
        after = split(render(f"select '&{{{name}}}', 1;\nselect 2;", {name: value}, where="x"))
    except InvalidSetting:
        return
    assert [statement.line for statement in after] == [statement.line for statement in before]
    assert after[0].words[2:] == before[0].words[2:]


@pytest.mark.contract("X.13")
@pytest.mark.contract("E.28")
def test_the_database_has_the_name_that_is_asked_for() -> None:
    text = _named("database_and_schemas").render(VALUES | {"database": "analytics_platform"})
    assert "create database if not exists ANALYTICS_PLATFORM" in text
    assert "CUSTOMER_ANALYTICS" not in text
    assert VARIABLES["database"] == IDENTIFIER


# Order


@pytest.mark.contract("S2.11")
@pytest.mark.contract("X.25")
def test_the_numbers_are_an_order_in_which_everything_exists_before_it_is_read() -> None:
    order = put_in_order(MIGRATIONS, VALUES)
    assert [migration.name for migration in order.migrations] == [migration.name for migration in MIGRATIONS]
    assert order.needs["0012_tasks"]["0011_procedures"] == {"OPS.CLEAN_UP_JOBS", "OPS.ROLL_UP_DAILY_METRICS"}
    assert order.needs["0011_procedures"]["0004_batches_and_builds"] == {"OPS.BATCHES", "OPS.BUILDS"}
    assert order.needs["0014_storage_integration"]["0008_stages_and_formats"] == {"BRONZE.PARQUET_FILES"}
    assert order.needs["permissions"]["0013_roles"] >= {"ROLE DATA_ANALYST"}


@pytest.mark.parametrize("seed", range(5))
def test_shuffled_numbers_are_refused_with_the_names(seed: int) -> None:
    names = [migration.name for migration in MIGRATIONS if migration.runs_once]
    numbers = [name[:4] for name in names]
    random.Random(seed).shuffle(numbers)
    shuffled = [
        replace(migration, name=f"{number}{migration.name[4:]}")
        for migration, number in zip(MIGRATIONS, numbers, strict=False)
    ]
    with pytest.raises(InvalidDefinition, match=r"\d{4}_\w+ reads [A-Z_. ,]+, which only \d{4}_\w+ makes"):
        put_in_order(shuffled, VALUES)


@pytest.mark.parametrize(
    ("missing", "fault"),
    [
        ("jobs", "0009_raw_data_views reads OPS.JOBS, which no file makes"),
        ("streams", "0012_tasks reads OPS.NEW_JOBS, which no file makes"),
        ("procedures", "0012_tasks reads OPS.CLEAN_UP_JOBS, which no file makes"),
        ("stages_and_formats", "0014_storage_integration reads BRONZE.PARQUET_FILES, which no file makes"),
    ],
)
def test_a_missing_file_is_named_with_what_needs_it(missing: str, fault: str) -> None:
    with pytest.raises(InvalidDefinition, match=re.escape(fault)):
        put_in_order([migration for migration in MIGRATIONS if migration.name[5:] != missing], VALUES)


def test_files_that_need_each_other_are_refused() -> None:
    one = replace(
        _named("jobs"), name="a", text="create schema if not exists S;\ncreate view S.A as select * from S.B;"
    )
    other = replace(one, name="b", text="create view S.B as select * from S.A;")
    with pytest.raises(InvalidDefinition, match="which only b makes"):
        put_in_order([one, other], VALUES)


# What the files make is what the code expects


def _columns(table: str) -> dict[str, str]:
    """Return the columns that a table has after every file."""
    found: dict[str, str] = {}
    for statement in (statement for migration in MIGRATIONS for statement in migration.statements(VALUES)):
        if not re.search(r"^(create|alter) table", statement.text, re.IGNORECASE | re.MULTILINE):
            continue
        tree = sqlglot.parse_one(statement.text, dialect="snowflake")
        made = tree.find(exp.Table)
        if made and made.sql().upper() == table:
            found |= {column.name: column.args["kind"].sql("duckdb") for column in tree.find_all(exp.ColumnDef)}
    return found


@pytest.mark.parametrize("contract", TABLES.values(), ids=TABLES)
@pytest.mark.contract("S3.122")
def test_bronze_tables_are_their_contracts(contract: TableContract) -> None:
    expected = {
        column.name: exp.DataType.build(column.type, dialect="duckdb").sql("duckdb")
        for column in (*contract.columns, *PROVENANCE)
    }
    found = _columns(f"BRONZE.{contract.name.upper()}")
    assert {name: type_.replace("TEXT(0)", "TEXT") for name, type_ in found.items()} == expected


@pytest.mark.contract("S3.121")
def test_the_bucket_is_read_through_an_integration_of_its_own() -> None:
    text = _named("storage_integration").render(VALUES)
    assert "storage_allowed_locations = ('s3://company-files/')" in text
    assert text.count("CUSTOMER_ANALYTICS_S3") == 3


@pytest.mark.contract("S3.123")
def test_the_repository_is_allowed_by_its_own_address_only() -> None:
    assert _named("git_integration").render(VALUES).count("('https://example.com/company/customer360.git')") == 1


@pytest.mark.contract("X.17")
def test_transactions_are_clustered_because_there_are_no_indexes() -> None:
    assert "cluster by (transaction_date)" in _named("bronze_tables").text
    assert not any(re.search(r"create (unique )?index", migration.text, re.IGNORECASE) for migration in MIGRATIONS)


@pytest.mark.contract("S3.120")
@pytest.mark.parametrize("table", sorted(monitoring.TABLES.keys() - ELSEWHERE))
def test_observability_tables_have_the_columns_of_monitoring(table: str) -> None:
    expected = list(monitoring.types_of(table))
    of_a_build = table in ("pipeline_steps", "lineage_edges")
    assert list(_columns(f"OPS.{table.upper()}")) == ["build_id"] * of_a_build + expected


def test_the_manifest_has_a_column_for_each_field() -> None:
    names = {"rows": "row_count"}
    expected = [names.get(field.name, field.name) for field in fields(Manifest)]
    assert sorted(_columns("OPS.BATCHES")) == sorted(expected)


@pytest.mark.contract("S2.16")
def test_create_job_takes_its_five_arguments_in_order() -> None:
    [create] = [s for s in _named("procedures").statements(VALUES) if "CREATE_JOB" in s.text]
    signature = re.search(r"CREATE_JOB\((.+?)\)", create.text, re.DOTALL)
    assert signature
    assert [argument.split() for argument in signature[1].split(",")] == [
        ["job_name", "varchar"],
        ["job_type", "varchar"],
        ["created_by", "varchar"],
        ["input_data", "variant"],
        ["priority", "integer"],
    ]


@pytest.mark.contract("S2.18")
def test_the_three_tasks_are_made_and_each_is_resumed() -> None:
    made = re.findall(r"create task if not exists OPS\.(\w+)", _named("tasks").text)
    resumed = re.findall(r"alter task OPS\.(\w+) resume", _named("resume_tasks").text)
    assert made == resumed == ["JOB_PROCESSOR_TASK", "JOB_CLEANUP_TASK", "DAILY_METRICS_TASK"]


@pytest.mark.contract("S2.19")
def test_streams_are_never_replaced() -> None:
    assert re.findall(r"create stream if not exists (\S+) on table (\S+)", _named("streams").text) == [
        ("OPS.NEW_JOBS", "OPS.JOBS"),
        ("OPS.NEW_BATCHES", "OPS.BATCHES"),
    ]


# The page


def test_the_page_says_which_files_the_emulator_runs_and_which_it_does_not() -> None:
    page = (Path(__file__).parents[2] / "docs" / "snowflake-setup.md").read_text(encoding="utf-8")
    run, parsed, _ = (part for part in re.split(r"^### ", page, flags=re.MULTILINE)[1:])
    for part, runs in ((run, True), (parsed, False)):
        expected = [f"- `{m.name}`: {m.makes}" for m in MIGRATIONS if m.runs_on_emulator is runs]
        assert re.findall(r"^- `.+", part, re.MULTILINE) == expected
