"""What builds remember of each other: who was in which segment, and since when."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb
import pytest

from customer360.build.pipeline import run_build
from customer360.lake import live_batches, write_manifest
from customer360.settings import ResourceSettings, WorkspaceSettings, load
from customer360.warehouse import BuildRecord, open_builds
from customer360.workspace import Workspace, hash_file

pytestmark = pytest.mark.integration


def build(workspace: Workspace, as_of: date | None = None) -> BuildRecord:
    return run_build(workspace, load(ResourceSettings), load(WorkspaceSettings), as_of=as_of)


def rows(workspace: Workspace, sql: str) -> list[tuple[object, ...]]:
    builds = open_builds(workspace)
    with duckdb.connect(str(builds.folder(builds.current_id()) / "warehouse.duckdb"), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def snapshots(workspace: Workspace) -> list[str]:
    return [manifest.source for manifest in live_batches(workspace) if manifest.is_snapshot]


@pytest.fixture
def workspace(messy: Workspace, tmp_path: Path) -> Workspace:
    return Workspace(Path(shutil.copytree(messy.home, tmp_path / "home")))


@pytest.mark.contract("S3.69")
def test_later_builds_know_who_entered_and_left_a_segment(workspace: Workspace) -> None:
    """As of 1 April customer C1 is new; as of 30 June it spends less."""
    build(workspace, date(2024, 4, 1))
    assert snapshots(workspace) == ["segment_snapshots/2024-04-01", "segment_snapshots/2024-06-30"]
    assert rows(workspace, "select distinct valid_from::varchar from gold.customer_segment_history") == [
        ("2024-04-01",)
    ]
    build(workspace)
    history = """
        select customer_segment, previous_segment, valid_from::varchar, valid_to::varchar, is_current
        from gold.customer_segment_history where customer_id = 'C1' order by valid_from
    """
    assert rows(workspace, history) == [
        ("New & Growing", None, "2024-04-01", "2024-06-30", False),
        ("Declining", "New & Growing", "2024-06-30", None, True),
    ]
    assigned = "select segment_assigned_date::varchar from gold.customer_segments where customer_id = 'C1'"
    assert rows(workspace, assigned) == [("2024-06-30",)]


def test_the_same_findings_again_land_nothing(workspace: Workspace) -> None:
    before = [manifest.batch_id for manifest in live_batches(workspace)]
    build(workspace)
    assert [manifest.batch_id for manifest in live_batches(workspace)] == before


def test_other_findings_of_the_same_day_replace_the_batch(workspace: Workspace) -> None:
    [old] = [manifest for manifest in live_batches(workspace) if manifest.is_snapshot]
    path = workspace.lake / "segment_snapshots" / f"{old.batch_id}.parquet"
    with duckdb.connect() as connection:
        changed = f"(select * replace ('Declining' as customer_segment) from read_parquet('{path}'))"
        connection.execute(f"copy {changed} to '{path}.new' (format parquet)")
    Path(f"{path}.new").replace(path)
    [counts] = old.tables.values()
    sealed = replace(counts, sha256=hash_file(path))
    write_manifest(workspace, replace(old, tables={"segment_snapshots": sealed}))
    build(workspace)
    [new] = [manifest for manifest in live_batches(workspace) if manifest.is_snapshot]
    assert new.supersedes == old.batch_id


def test_findings_of_a_build_killed_after_publishing_land_with_the_next(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("customer360.build.runner.land_snapshots", lambda *_: None)
        build(workspace, date(2024, 4, 1))
    assert snapshots(workspace) == ["segment_snapshots/2024-06-30"]
    build(workspace)
    assert snapshots(workspace) == ["segment_snapshots/2024-04-01", "segment_snapshots/2024-06-30"]
    assert rows(workspace, "select min(valid_from)::varchar from gold.customer_segment_history") == [("2024-04-01",)]
