"""The commands for churn, as somebody at a terminal and a program meet them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from customer360.churn import Registry
from customer360.cli import app
from customer360.warehouse import open_builds
from customer360.workspace import Workspace
from tests.churn.tables import telecom, write_csv
from tests.conftest import ScoredBank

pytestmark = [pytest.mark.integration, pytest.mark.contract("S3.84")]


def run_churn(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["churn", *arguments], env={"COLUMNS": "200"})
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


def run(*arguments: str) -> tuple[int, str, str]:
    return run_churn("evaluate", *arguments)


def read(*arguments: str) -> Any:
    code, out, _ = run_churn(*arguments, "--json")
    assert code == 0
    return json.loads(out)


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


@pytest.fixture
def at_bank(scored_bank: ScoredBank, monkeypatch: pytest.MonkeyPatch) -> ScoredBank:
    """The bank whose customers have scores, only to be read."""
    monkeypatch.setenv("CUSTOMER360_HOME", str(scored_bank.workspace.home))
    return scored_bank


@pytest.fixture
def at_copy(scored_bank: ScoredBank, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ScoredBank:
    """A copy of it, to change it."""
    copied = scored_bank.copy(tmp_path / "bank")
    monkeypatch.setenv("CUSTOMER360_HOME", str(copied.workspace.home))
    return copied


scored = pytest.mark.xdist_group("scored_bank")


@scored
@pytest.mark.contract("S3.88")
def test_models_are_listed_with_how_they_were_judged(at_bank: ScoredBank) -> None:
    [record] = read("models")
    assert (record["version"], record["status"], record["cutoff_date"]) == (at_bank.version, "champion", "2025-09-01")
    assert record["metrics"]["auc"] == at_bank.trained["metrics"]["auc"]
    code, out, _ = run_churn("models")
    assert (code, "champion" in out, "1,448" in out) == (0, True, True)


@scored
@pytest.mark.contract("S3.89")
def test_a_score_is_explained(at_copy: ScoredBank) -> None:
    """On a copy: in one process a file is opened with one share of the machine, and this reads with another."""
    found = read("explain", "CUST00000001")
    assert found["build_id"] == at_copy.published
    if found["reasons"]:
        assert found["margin"] == pytest.approx(sum(reason["contribution"] for reason in found["reasons"]))
    code, out, _ = run_churn("explain", "CUST00000001")
    assert (code, found["name"] in out) == (0, True)
    code, _, err = run_churn("explain", "CUST99999999")
    assert (code, "CUST99999999" in err) == (3, True)


@scored
@pytest.mark.contract("S3.87")
def test_drift_is_told_with_outcomes(at_bank: ScoredBank) -> None:
    found = read("drift")
    assert (found["retrain"], found["reasons"], len(found["outcomes"])) == (False, [], 1)
    code, out, _ = run_churn("drift")
    assert code == 0
    for said in ("stability index", "Scored as of 2025-08-31: ", "Nothing asks for another model"):
        assert said in out


@scored
def test_the_card_is_where_it_is_said_to_be(at_bank: ScoredBank) -> None:
    code, out, _ = run_churn("card")
    assert code == 0
    assert at_bank.version in Path(out.strip()).read_text(encoding="utf-8")
    assert read("card", at_bank.version)["version"] == at_bank.version
    code, _, err = run_churn("card", "churn_nobody")
    assert (code, "no churn model 'churn_nobody'" in err) == (3, True)


@scored
@pytest.mark.contract("S3.87")
def test_what_is_not_needed_is_not_done(at_bank: ScoredBank) -> None:
    assert read("train", "--if-needed") == {"ok": True, "promoted": False, "version": None}
    assert "still fits" in run_churn("train", "--if-needed")[1]
    assert read("score", "--if-needed") == {"build_id": None}
    assert "has the scores of the model in use" in run_churn("score", "--if-needed")[1]
    assert Registry(at_bank.workspace).champion().version == at_bank.version
    assert open_builds(at_bank.workspace).current_id() == at_bank.published


@scored
@pytest.mark.usefixtures("quick")
@pytest.mark.contract("S3.83")
@pytest.mark.contract("S3.88")
def test_a_model_is_trained_kept_back_forced_and_brought_back(at_copy: ScoredBank) -> None:
    code, out, _ = run_churn("train", "--no-promote", "--seed", "7")
    assert code == 0
    for said in ("judged on 1,448 at 2025-09-01", "95 % interval", "not promoted", "Model card: "):
        assert said in out
    version = read("models")[0]["version"]
    code, _, err = run_churn("promote", version)
    assert (code, "is not better than the model in use" in err, "--force" in err) == (4, True, True)
    code, out, _ = run_churn("promote", version, "--force")
    assert (code, f"{version} is in use" in out) == (0, True)
    assert read("rollback")["version"] == at_copy.version
    code, _, err = run_churn("rollback")
    assert (code, "no model before" in err) == (4, True)


@scored
def test_a_damaged_model_scores_nobody(at_copy: ScoredBank) -> None:
    (Registry(at_copy.workspace).folder / at_copy.version / "model.pkl").write_bytes(b"")
    for command in ("score", "drift"):
        code, out, _ = run_churn(command, "--json")
        assert (code, json.loads(out)["code"]) == (4, "artefact_damaged")
    assert open_builds(at_copy.workspace).current_id() == at_copy.published


@pytest.mark.parametrize("command", ["score", "drift", "card", "rollback", "train"])
def test_without_a_model_or_a_build_every_command_says_what_is_missing(
    messy: Workspace, tmp_path: Path, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(messy.home, tmp_path / "bank")
    monkeypatch.setenv("CUSTOMER360_HOME", str(tmp_path / "bank"))
    code, out, _ = run_churn(command, "--json")
    answer = json.loads(out)
    assert code > 0
    assert answer["next"]
    assert answer["code"] in {"no_model", "no_model_before", "no_history", "single_class", "too_few_rows"}
    assert not (tmp_path / "bank" / "models").exists()
