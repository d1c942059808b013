"""Retention says what it would drop, drops exactly that, and what stays builds as before."""

from __future__ import annotations

import json
import shutil
from datetime import date
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from customer360.cli import app
from customer360.ingest import find_dataset, load_dataset
from customer360.lake import live_batches, raw_folder, sweep
from customer360.lake.retention import drop_expired, find_expired
from customer360.workspace import Workspace
from tests.build.messy import write_dataset, write_files

pytestmark = pytest.mark.integration

OLD = "A1,C1,O1,P1,gro,2022-03-05,2022-03-05 10:00:00,1.00,1,purchase,approved,EUR,pos"
EDGE = "A2,C1,O1,P1,gro,2022-12-31,2022-12-31 10:00:00,2.00,1,purchase,approved,EUR,pos"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """The messy company with two older files, one of which reaches to the first day that is kept."""
    folder = write_files(tmp_path / "files")
    write_files(folder, {"transactions": [OLD]}, part="_2022")
    return write_files(folder, {"transactions": [OLD.replace("A1", "A3"), EDGE]}, part="_edge")


@pytest.fixture
def workspace(tmp_path: Path, files: Path) -> Workspace:
    workspace = Workspace(tmp_path / "home")
    load_dataset(workspace, find_dataset(str(write_dataset(tmp_path / "dataset"))), files)
    return workspace


def lake_files(workspace: Workspace) -> set[str]:
    return {str(path.relative_to(workspace.lake)) for path in workspace.lake.rglob("*") if path.is_file()}


@pytest.mark.contract("S3.63")
def test_what_would_be_dropped_is_said_and_nothing_is(workspace: Workspace) -> None:
    before = lake_files(workspace)
    found = find_expired(workspace, 18)
    assert found.cutoff == date(2022, 12, 31)
    assert [(batch.source, batch.rows, batch.newest) for batch in found.batches] == [
        ("transactions_2022.csv", 1, date(2022, 3, 5))
    ]
    assert lake_files(workspace) == before


@pytest.mark.contract("S3.63")
def test_only_whole_old_batches_leave_and_the_same_file_does_not_land_again(
    workspace: Workspace, files: Path, tmp_path: Path
) -> None:
    [expired] = drop_expired(workspace, 18).batches
    assert not raw_folder(workspace, expired.batch_id).exists()
    with duckdb.connect() as connection:
        left = f"select count(*), min(transaction_date)::varchar from '{workspace.lake}/transactions/*.parquet'"
        assert connection.execute(left).fetchall()[0][1] == "2022-03-05"  # of the file that reaches into what is kept
    report = load_dataset(workspace, find_dataset(str(tmp_path / "dataset")), files)
    assert not report.landed
    assert drop_expired(workspace, 18).batches == []


def test_what_a_killed_run_left_is_swept(workspace: Workspace) -> None:
    [expired] = find_expired(workspace, 18).batches
    path = workspace.lake / "transactions" / f"{expired.batch_id}.parquet"
    copies = (
        shutil.copy(path, f"{path}.kept"),
        shutil.copytree(raw_folder(workspace, expired.batch_id), workspace.home / "raw_kept"),
    )
    drop_expired(workspace, 18)
    shutil.move(copies[0], path)
    shutil.move(copies[1], raw_folder(workspace, expired.batch_id))
    sweep(workspace)
    assert not path.exists()
    assert not raw_folder(workspace, expired.batch_id).exists()
    assert len(live_batches(workspace)) == 8


def test_the_command_drops_only_when_told(workspace: Workspace) -> None:
    def run(*arguments: str) -> str:
        result = CliRunner().invoke(app, ["--home", str(workspace.home), "retention", *arguments])
        assert result.exit_code == 0, result.stderr
        return result.stdout

    said = run()
    assert "1 transactions in 1 batches" in said
    assert "customer360 retention --months 18 --apply" in said
    assert json.loads(run("--json"))["batches"][0]["source"] == "transactions_2022.csv"
    assert "Dropped 1 transactions" in run("--apply")
    assert "there is nothing to drop" in run()
