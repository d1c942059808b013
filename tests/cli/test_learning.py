"""customer360 learn: what is missing or outdated is fitted, and nothing else."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from customer360.build.models import run_value_fit
from customer360.cli import app
from customer360.cli.console import speak_to_people
from customer360.cli.serving import _Processes
from customer360.value import find_value
from customer360.warehouse import open_builds
from tests.conftest import ScoredBank

pytestmark = [pytest.mark.integration, pytest.mark.contract("S3.87")]


def test_where_nothing_is_needed_nothing_is_fitted_or_built(scored_bank: ScoredBank) -> None:
    found = CliRunner().invoke(app, ["--home", str(scored_bank.workspace.home), "learn", "--json"])
    assert found.exit_code == 0, found.output
    assert json.loads(found.stdout) == {"ok": True, "value": "in use", "churn": "in use", "build": None}
    assert open_builds(scored_bank.workspace).current_id() == scored_bank.published


def test_a_value_model_that_is_missing_is_fitted_on_the_published_build(
    scored_bank: ScoredBank, tmp_path: Path
) -> None:
    bank = scored_bank.copy(tmp_path / "bank")
    before = find_value(bank.workspace)
    assert before is not None
    (bank.workspace.models / "value.json").unlink()
    kept = run_value_fit(bank.workspace, if_needed=True)
    assert kept is not None
    assert (kept.build_id, kept.customers, kept.content) == (bank.published, before.customers, before.content)
    assert find_value(bank.workspace) == kept
    assert run_value_fit(bank.workspace, if_needed=True) is None


def test_what_runs_beside_the_service_is_told_of_when_it_ends(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    speak_to_people()
    with _Processes({}, tmp_path / "logs") as processes:
        processes.run_beside("models", [sys.executable, "-c", "print('✓ Published b1.'); print('noise')"])
        processes.run_beside("others", [sys.executable, "-c", "raise SystemExit(3)"])
        for process in list(processes._beside.values()):
            process.wait(30)
        processes._say_ended()
        said = capsys.readouterr().out
    assert "Published b1." in said
    assert "noise" not in said
    assert "The others could not be made" in said
