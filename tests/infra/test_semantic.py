"""The files of infra/snowflake/semantic: what they say of themselves, that they parse, and what the emulator can run.

No account ever ran them. Schema, file format, stage, PUT and LIST run on the emulator; grants and the semantic view are
only read as text.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlglot
from sqlglot import exp

from customer360.semantic import load_model
from customer360.semantic.exporting import Format, export
from customer360.settings import SnowflakeSettings, SnowflakeSetupSettings, project_files
from customer360.warehouse.deployment import values_of
from customer360.warehouse.migrations import HEADER, VARIABLE, VARIABLES, Statement, read_migrations, render, split
from customer360.warehouse.snowflake_sessions import open_session

FOLDER = project_files("infra/snowflake") / "semantic"
FILES = {path.stem: path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.sql"))}
SETUP, DEPLOY = "cortex_analyst_setup", "deploy_semantic_model"
VALUES = values_of(SnowflakeSettings.model_construct(), SnowflakeSetupSettings.model_construct())
AS_COMMANDS = {"GRANT", "EXECUTE", "SHOW", "LIST"}
"""What sqlglot takes as a whole."""
NOT_ON_EMULATOR = {"GRANT", "EXECUTE", "SHOW"}


def _statements(name: str, **given: str) -> list[Statement]:
    return split(render(FILES[name], VALUES | given, where=name))


def _every() -> Iterator[Any]:
    for name in FILES:
        for statement in _statements(name):
            yield pytest.param(statement, id=f"{name}:{statement.line}")


@pytest.mark.unit
def test_the_files_are_those_of_the_contract() -> None:
    assert list(FILES) == [SETUP, DEPLOY]


@pytest.mark.unit
@pytest.mark.parametrize("name", FILES)
def test_each_file_says_that_nobody_ran_it_and_where_its_syntax_is_from(name: str) -> None:
    head = FILES[name].partition("\nuse database &{database};\n")[0]
    found = HEADER.match(FILES[name])
    assert found
    assert found["emulator"] == "parsed only"
    assert "Never executed: no account was ever used." in head
    assert re.search(r"^-- https://docs\.snowflake\.com/en/\S+$", head, re.MULTILINE)
    assert all(line.startswith("-- ") for line in head.splitlines())
    assert set(VARIABLE.findall(FILES[name])) <= VARIABLES.keys()


@pytest.mark.unit
def test_no_deployment_runs_them() -> None:
    assert not any("SEMANTIC.MODELS" in migration.text for migration in read_migrations())


@pytest.mark.unit
@pytest.mark.contract("S3.124")
@pytest.mark.parametrize("statement", list(_every()))
def test_every_statement_parses(statement: Statement, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.CRITICAL, "sqlglot"):
        tree = sqlglot.parse_one(statement.text.rstrip().rstrip(";"), dialect="snowflake")
    if isinstance(tree, exp.Command):
        assert statement.words[0] in AS_COMMANDS


@pytest.mark.unit
def test_every_statement_may_run_twice() -> None:
    for statement in [*_statements(SETUP), *_statements(DEPLOY)]:
        if statement.words[0] == "CREATE":
            assert " if not exists " in statement.text
        else:
            assert statement.words[0] in NOT_ON_EMULATOR | {"USE", "PUT", "LIST"}


@pytest.mark.unit
def test_the_view_is_made_only_of_a_model_that_was_checked() -> None:
    [block] = [statement.text for statement in _statements(DEPLOY) if statement.words[0] == "EXECUTE"]
    body = block.split("$$")[1]
    calls = re.findall(r"call (SYSTEM\$CREATE_SEMANTIC_VIEW_FROM_YAML)\('(\w+)\.SEMANTIC', :model(, true)?\);", body)
    assert [dry for _, _, dry in calls] == [", true", ""]
    assert body.count("SYSTEM$") == len(calls)
    assert "'SEMANTIC.WHOLE_FILE'" in body
    assert "file format if not exists SEMANTIC.WHOLE_FILE" in FILES[SETUP]


@pytest.mark.integration
@pytest.mark.contract("S3.104")
@pytest.mark.contract("S3.124")
def test_the_export_lies_on_its_stage(account: SnowflakeSettings, tmp_path: Path) -> None:
    path = tmp_path / "customer_analytics.yaml"
    model = load_model(project_files("semantic") / "customer_analytics.yaml")
    path.write_text(export(model, Format.SNOWFLAKE).text, encoding="utf-8")
    values = {"database": values_of(account, SnowflakeSetupSettings.model_construct())["database"]}
    listed: list[Any] = []
    with open_session(account) as connection, connection.cursor() as cursor:
        cursor.execute(f"create database if not exists {values['database']}")
        for _ in range(2):
            statements = [*_statements(SETUP, **values), *_statements(DEPLOY, **values, semantic_model=str(path))]
            for statement in statements:
                if statement.words[0] not in NOT_ON_EMULATOR:
                    cursor.execute(statement.text)
                if statement.words[0] == "LIST":
                    listed.append(cursor.fetchall())
    assert [[(row[0].rpartition("/")[2], row[1]) for row in rows] for rows in listed] == [
        [("customer_analytics.yaml", path.stat().st_size)]
    ] * 2
