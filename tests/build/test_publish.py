"""Builds from start to end: what is published, what a failure leaves, and that a build can be made again."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from sqlglot import exp

from customer360.build.pipeline import run_build, run_load
from customer360.errors import BuildFailed, NotFound, WorkspaceBusy
from customer360.ingest import find_dataset
from customer360.settings import ResourceSettings, WorkspaceSettings, load
from customer360.store import Store
from customer360.warehouse import open_builds
from customer360.warehouse.compare import diff_builds, table_hash
from customer360.workspace import Workspace
from tests.build.messy import CHANGES, CUSTOMERS, GOOD, ROWS, write_dataset, write_files

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]


def test_building_an_empty_workspace_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="is empty") as raised:
        run_build(Workspace(tmp_path), load(ResourceSettings), load(WorkspaceSettings))
    assert "customer360 load" in raised.value.next_action


def test_a_build_is_recorded_with_its_batches_and_rows(messy: Workspace) -> None:
    builds = open_builds(messy)
    record = builds.get(builds.current_id())
    assert record.status == "passed"
    assert record.as_of_date == "2024-06-30"
    assert record.tables["gold.fct_transactions"] == {"rows": len(GOOD), "primary_key": ["transaction_key"]}
    assert len(record.batches) == 6
    assert Store.beside(messy.store).list_runs()[0].status == "succeeded"


def test_a_second_writer_is_refused_while_one_works(messy: Workspace) -> None:
    with messy.writing(), pytest.raises(WorkspaceBusy), Workspace(messy.home).writing(wait=0.1):
        pass


def _shuffled_parts(folder: Path, seed: int) -> Path:
    """Spread the same rows over more files, in another order of arrival; lines within a table keep their file."""
    draw = random.Random(seed)
    for table, rows in ROWS.items():
        lines = list(rows)
        draw.shuffle(lines)
        half = len(lines) // 2
        for part, chunk in (("_z", lines[:half]), ("_a", lines[half:])):
            write_files(folder, {table: chunk}, part=part)
    return folder


@pytest.mark.contract("X.4")
def test_any_order_of_arrival_gives_the_same_tables(messy: Workspace, tmp_path: Path) -> None:
    dataset = find_dataset(str(write_dataset(tmp_path / "dataset")))
    other = Workspace(tmp_path / "home")
    run_load(other, dataset, _shuffled_parts(tmp_path / "files", seed=7))
    record = run_build(other, load(ResourceSettings), load(WorkspaceSettings))
    first = open_builds(messy)
    files = [
        first.folder(first.current_id()) / "warehouse.duckdb",
        open_builds(other).folder(record.build_id) / "warehouse.duckdb",
    ]
    hashes = []
    for file in files:
        with duckdb.connect(str(file), read_only=True) as connection:
            tables = [exp.table_(name.split(".")[1], db="gold") for name in record.tables if name.startswith("gold.")]
            hashes.append([table_hash(connection, table) for table in tables])
    assert hashes[0] == hashes[1]


def test_a_later_build_differs_by_exactly_what_landed_and_can_be_rolled_back(messy: Workspace, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "home")
    shutil.copytree(messy.home, workspace.home)
    dataset = find_dataset(str(write_dataset(tmp_path / "dataset")))
    late = ["T7,C3,O7,P1,gro,2024-06-29,2024-06-29 10:00:00,5.00,1,purchase,approved,EUR,pos"]
    run_load(workspace, dataset, write_files(tmp_path / "late", {"transactions": late}, part="_late"))
    builds = open_builds(workspace)
    before = builds.current_id()
    after = run_build(workspace, load(ResourceSettings), load(WorkspaceSettings)).build_id
    changed = {
        difference.table: difference for difference in diff_builds(builds, before, after) if not difference.is_same
    }
    assert changed["gold.fct_transactions"].added == 1
    assert changed["gold.customer_360_profile"].columns["lifetime_value"] == 1
    assert "gold.dim_product" not in changed
    builds.publish(builds.before_current())
    assert builds.current_id() == before


def test_a_model_that_breaks_an_invariant_is_not_published(messy: Workspace, tmp_path: Path) -> None:
    """Runs a copy of the product whose profile counts double; the gate must stop it and leave the served build."""
    workspace = Workspace(tmp_path / "home")
    shutil.copytree(messy.home, workspace.home)
    before = open_builds(workspace).current_id()
    product = shutil.copytree(ROOT / "src" / "customer360", tmp_path / "product" / "customer360")
    for name in ("transform", "datasets", "semantic"):
        shutil.copytree(ROOT / name, product / "_project" / name)
    model = product / "_project/transform/models/marts/customer_analytics/customer_360_profile.sql"
    model.write_text(model.read_text().replace("{{ money('lifetime_value') }}", "{{ money('2 * lifetime_value') }}"))
    script = "from customer360.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", script, "--home", str(workspace.home), "build"],
        env={"PYTHONPATH": str(tmp_path / "product"), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 5, done.stderr
    assert "assert_profile_equals_facts" in done.stderr
    assert "stays served" in " ".join(done.stderr.split())
    builds = open_builds(workspace)
    assert builds.current_id() == before
    failed = next(record for record in builds.records() if record.status == "failed")
    assert failed.failures[0]["value"]
    assert [path.name for path in builds.folder(failed.build_id).iterdir()] == ["build.json"]


def test_a_dataset_without_any_date_cannot_be_built(tmp_path: Path) -> None:
    dataset = find_dataset(str(write_dataset(tmp_path / "dataset")))
    workspace = Workspace(tmp_path / "home")
    run_load(workspace, dataset, write_files(tmp_path / "files", {"customers": CUSTOMERS, "customer_changes": CHANGES}))
    with pytest.raises(BuildFailed, match="as-of date") as raised:
        run_build(workspace, load(ResourceSettings), load(WorkspaceSettings))
    assert "--as-of" in raised.value.next_action
