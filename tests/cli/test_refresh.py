"""refresh is the one line for cron: it lands, builds and publishes what is new; its exit code says what is served."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from customer360.cli import app
from tests.build.messy import write_dataset, write_files

pytestmark = pytest.mark.integration

LATE = "T7,C3,O7,P1,gro,2024-06-29,2024-06-29 10:00:00,5.00,1,purchase,approved,EUR,pos"


def refresh(home: Path, dataset: Path, files: Path) -> tuple[int, dict[str, Any]]:
    command = ["--home", str(home), "refresh", str(dataset), "--from", str(files), "--json"]
    result = CliRunner().invoke(app, command)
    return result.exit_code, json.loads(result.stdout)


def test_refresh_builds_what_is_new_and_only_then(tmp_path: Path) -> None:
    dataset, files = write_dataset(tmp_path / "dataset"), write_files(tmp_path / "files")
    home = tmp_path / "home"
    code, first = refresh(home, dataset, files)
    assert (code, len(first["load"]["landed"])) == (0, 6)
    facts = first["build"]["tables"]["gold.fct_transactions"]["rows"]

    code, second = refresh(home, dataset, files)
    assert (code, second["load"]["landed"], second["build"]) == (0, [], None)

    write_files(files, {"transactions": [LATE]}, part="_late")
    (files / "products_bad.csv").write_text("")
    code, third = refresh(home, dataset, files)
    assert code == 2
    assert "products_bad.csv: the file is empty" in third["load"]["refused"][0]["error"]
    assert third["build"]["tables"]["gold.fct_transactions"]["rows"] == facts + 1


def test_refresh_builds_what_landed_before_and_was_never_published(tmp_path: Path) -> None:
    """As after a build that failed, or a process that was killed between landing and building."""
    dataset, files = write_dataset(tmp_path / "dataset"), write_files(tmp_path / "files")
    home = tmp_path / "home"
    refresh(home, dataset, files)
    write_files(files, {"transactions": [LATE]}, part="_late")
    loaded = CliRunner().invoke(app, ["--home", str(home), "load", str(dataset), "--from", str(files)])
    assert loaded.exit_code == 0
    code, report = refresh(home, dataset, files)
    assert (code, report["load"]["landed"]) == (0, [])
    assert report["build"]["status"] == "passed"
    assert refresh(home, dataset, files)[1]["build"] is None
