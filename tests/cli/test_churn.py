"""churn evaluate as somebody at a terminal and a program meet it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from customer360.cli import app
from tests.churn.tables import telecom, write_csv

pytestmark = [pytest.mark.integration, pytest.mark.contract("S3.84")]


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["churn", "evaluate", *arguments], env={"COLUMNS": "200"})
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return write_csv(tmp_path / "customers.csv", telecom(200, 1))


def test_a_program_reads_estimates_and_intervals(table: Path) -> None:
    options = (
        "--id",
        "customerID",
        "--positive",
        "Yes",
        "--drop",
        "Partner,SeniorCitizen",
        "--folds",
        "2",
        "--seed",
        "7",
    )
    code, out, _ = run("--table", str(table), "--label", "Churn", *options, "--json")
    answer = json.loads(out)
    assert (code, answer["folds"], answer["seed"]) == (0, 2, 7)
    for name in ("auc", "pr_auc", "f1", "precision", "recall", "brier"):
        assert set(answer["metrics"][name]) == {"estimate", "interval"}
    reasons = {column["column"]: column["reason"] for column in answer["left_out"]}
    assert reasons["customerID"] == "it was named as the id"
    assert reasons["Partner"] == reasons["SeniorCitizen"] == "it was dropped as asked"


def test_a_person_reads_tables_and_finds_the_card(table: Path, tmp_path: Path) -> None:
    card = tmp_path / "card.html"
    code, out, _ = run("--table", str(table), "--label", "Churn", "--folds", "2", "--card", str(card))
    assert code == 0
    for said in (
        "200 customers",
        "customerID",
        "logistic regression",
        "lift",
        "Contract",
        "shuffled labels",
        str(card),
    ):
        assert said in out
    assert card.exists()


@pytest.mark.contract("X.9")
def test_a_leak_is_refused_with_the_command_that_goes_on(tmp_path: Path) -> None:
    made = telecom(200, 1)
    path = write_csv(tmp_path / "t.csv", made | {"churn_value": made["Churn"]})
    code, out, err = run("--table", str(path), "--label", "Churn")
    assert (code, out) == (2, "")
    assert "churn_value: alone it tells who left" in err
    assert "--drop 'churn_value'" in err
    code, out, _ = run("--table", str(path), "--label", "Churn", "--json")
    assert (code, json.loads(out)["code"]) == (2, "leaking_columns")


def test_what_is_not_there_is_named(table: Path) -> None:
    code, _, err = run("--table", str(table), "--label", "Chrun")
    assert (code, "'Churn'" in err) == (2, True)
    code, _, err = run("--table", str(table) + "x", "--label", "Churn")
    assert (code, "There is no file" in err) == (3, True)
