"""customer360 deploy snowflake as its users meet it, against the emulator."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from customer360.cli import app
from customer360.settings import SnowflakeSettings
from customer360.warehouse.migrations import read_migrations

pytestmark = [pytest.mark.integration, pytest.mark.contract("S2.14")]


@pytest.fixture
def _account_in_the_environment(account: SnowflakeSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    given = account.model_dump(include={"account", "user", "database", "host", "port", "protocol"})
    for name, value in given.items():
        monkeypatch.setenv(f"SNOWFLAKE_{name.upper()}", str(value))
    monkeypatch.setenv("SNOWFLAKE_PASSWORD", account.password.get_secret_value())


def run(*arguments: str) -> tuple[int, str, str]:
    """Run the command; returns exit code, standard output and standard error."""
    result = CliRunner().invoke(app, ["deploy", "snowflake", *arguments], terminal_width=200)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.usefixtures("_account_in_the_environment")
def test_plan_then_deploy_then_nothing_to_do() -> None:
    code, text, _ = run("--emulator", "--plan")
    assert (code, "nothing was changed" in text) == (0, True)
    code, text, _ = run("--emulator")
    assert code == 0
    assert "parsed, not executed" in text
    assert "7 were parsed, not executed: the emulator cannot run them" in text
    code, text, _ = run("--emulator", "--json")
    files = {file["file"]: file for file in json.loads(text)["files"]}
    assert list(files) == [migration.name for migration in read_migrations()]
    assert {file["state"] for file in files.values()} == {"applied", "parsed only", "left out"}
    assert files["0012_tasks"] == {
        "file": "0012_tasks",
        "state": "parsed only",
        "reason": "earlier",
        "seconds": 0.0,
        "makes": files["0012_tasks"]["makes"],
        "role": "SYSADMIN",
    }


@pytest.mark.usefixtures("_account_in_the_environment")
def test_what_the_emulator_cannot_run_is_never_passed_over_in_silence() -> None:
    code, _, message = run()
    assert code == 5
    assert "0001_environment_check.sql, line 3 (select current_version ( ) as …)" in message


@pytest.mark.parametrize(
    "variable", ["SNOWFLAKE_DATABASE", "SNOWFLAKE_WAREHOUSE", "SNOWFLAKE_ROLE", "SNOWFLAKE_ANALYST_ROLE"]
)
@pytest.mark.parametrize("name", ["x; drop database y", "a.b", "it's"])
@pytest.mark.usefixtures("_account_in_the_environment")
def test_a_value_that_is_no_name_is_refused_before_anything_runs(
    variable: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, name)
    code, _, message = run("--emulator")
    assert code == 2
    assert repr(name) in message
    assert "cannot be" in message


def test_without_an_account_it_says_what_to_set() -> None:
    code, _, message = run("--plan")
    assert code == 2
    assert "Nothing says how to sign in to Snowflake" in message
