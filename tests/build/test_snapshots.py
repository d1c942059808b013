"""What builds remember of each other: who was in which segment, and since when."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import duckdb
import pytest

from customer360.build.pipeline import run_build
from customer360.lake import Manifest, live_batches, write_manifest
from customer360.settings import ResourceSettings, WorkspaceSettings, load
from customer360.warehouse import BuildRecord, open_builds
from customer360.workspace import Workspace, hash_file

pytestmark = pytest.mark.integration
one_worker = pytest.mark.xdist_group("days_of_snapshots")
"""Both days are built once, on one worker."""


def build(workspace: Workspace, as_of: date | None = None) -> BuildRecord:
    return run_build(workspace, load(ResourceSettings), load(WorkspaceSettings), as_of=as_of)


def rows(workspace: Workspace, sql: str, record: BuildRecord) -> list[tuple[object, ...]]:
    file = open_builds(workspace).folder(record.build_id) / "warehouse.duckdb"
    with duckdb.connect(str(file), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def snapshots(manifests: list[Manifest]) -> list[str]:
    return [manifest.source for manifest in manifests if manifest.is_snapshot]


@dataclass(frozen=True)
class Days:
    """A build as of 1 April, killed right after it published, and the one of today that came next."""

    workspace: Workspace
    landed: list[Manifest]
    """What had landed before both."""
    earlier: BuildRecord
    landed_by_then: list[Manifest]
    later: BuildRecord


@pytest.fixture(scope="module")
def days(messy: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Days:
    workspace = Workspace(Path(shutil.copytree(messy.home, tmp_path_factory.mktemp("days") / "home")))
    landed = live_batches(workspace)
    with pytest.MonkeyPatch.context() as killed:
        killed.setattr("customer360.build.runner.land_snapshots", lambda *_: None)
        earlier = build(workspace, date(2024, 4, 1))
    landed_by_then = live_batches(workspace)
    return Days(workspace, landed, earlier, landed_by_then, build(workspace))


@one_worker
def test_an_earlier_as_of_date_leaves_out_what_came_after(days: Days) -> None:
    assert days.earlier.as_of_date == "2024-04-01"
    assert days.earlier.tables["gold.fct_transactions"]["rows"] == 2
    since = "select distinct valid_from::varchar from gold.customer_segment_history"
    assert rows(days.workspace, since, days.earlier) == [("2024-04-01",)]


@one_worker
@pytest.mark.contract("S3.69")
def test_later_builds_know_who_entered_and_left_a_segment(days: Days) -> None:
    """As of 1 April customer C1 is new; as of 30 June it spends less."""
    history = """
        select customer_segment, previous_segment, valid_from::varchar, valid_to::varchar, is_current
        from gold.customer_segment_history where customer_id = 'C1' order by valid_from
    """
    assert rows(days.workspace, history, days.later) == [
        ("New & Growing", None, "2024-04-01", "2024-06-30", False),
        ("Declining", "New & Growing", "2024-06-30", None, True),
    ]
    assigned = "select segment_assigned_date::varchar from gold.customer_segments where customer_id = 'C1'"
    assert rows(days.workspace, assigned, days.later) == [("2024-06-30",)]


@one_worker
def test_findings_of_a_build_killed_after_publishing_land_with_the_next(days: Days) -> None:
    assert snapshots(days.landed_by_then) == ["segment_snapshots/2024-06-30"]
    assert snapshots(live_batches(days.workspace)) == ["segment_snapshots/2024-04-01", "segment_snapshots/2024-06-30"]
    since = "select min(valid_from)::varchar from gold.customer_segment_history"
    assert rows(days.workspace, since, days.later) == [("2024-04-01",)]


@one_worker
def test_the_same_findings_again_land_nothing(days: Days) -> None:
    """Today's were remembered before; all that the two builds landed is what the first found as of 1 April."""
    new = {manifest.batch_id for manifest in live_batches(days.workspace)} - {old.batch_id for old in days.landed}
    assert new == {f"segment_snapshots_{days.earlier.build_id}"}
    assert {old.batch_id for old in days.landed} <= {manifest.batch_id for manifest in live_batches(days.workspace)}


def test_other_findings_of_the_same_day_replace_the_batch(messy: Workspace, tmp_path: Path) -> None:
    workspace = Workspace(Path(shutil.copytree(messy.home, tmp_path / "home")))
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
