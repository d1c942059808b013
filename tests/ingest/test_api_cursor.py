"""Runs that ask only for what changed: nothing is lost, nothing is asked for without need, the export stays whole."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from customer360.demo_api import DemoSettings
from customer360.ingest import api_run
from customer360.ingest.api import IngestReport, ingest
from customer360.ingest.api_cursor import Cursors, Seen, cursor_path
from customer360.ingest.api_sources import ApiSourceFolder
from customer360.lake import live_batches
from customer360.workspace import Workspace, write_json
from tests.ingest.api_source import write_source
from tests.servers.demo_api import QUIET, DemoApi, running
from tests.servers.records_api import RecordsApi, giving

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
CHANGED = {"field": "updated_at", "param": "updated_since", "lag_seconds": 3600}
USERS = 400


# The cursor itself


@pytest.mark.unit
@pytest.mark.parametrize(
    ("values", "before", "newest"),
    [
        ([], None, None),
        (["no moment", None, True, [], {}, float("inf"), float("nan"), 10**400], None, None),
        (["2026-05-01T00:00:00Z", "2026-05-01T01:30:00+02:00"], None, "2026-05-01T00:00:00+00:00"),
        (["2026-05-01T00:00:00", "2026-04-30"], None, "2026-05-01T00:00:00+00:00"),
        (["2026-05-01T00:00:00Z"], "2026-05-02T00:00:00+00:00", "2026-05-02T00:00:00+00:00"),
        (["9999-12-31T23:59:59Z"], None, "2026-06-01T12:00:00+00:00"),
        (["0001-01-01T00:00:00+05:00"], None, None),
        ([5, 7.5, 6], None, 7.5),
        ([5], 9, 9),
        ([-3, -5], None, -3),
        (["2026-05-01T00:00:00Z", "2026-05-01T00:00:00Z", 1_800_000_000], None, "2026-05-01T00:00:00+00:00"),
        (["2026-05-01T00:00:00Z", 3, 4], None, 4),
        ([3, 4], "2026-05-01T00:00:00+00:00", "2026-05-01T00:00:00+00:00"),
    ],
)
def test_a_cursor_moves_on_to_the_newest_value_and_never_back_or_beyond_the_run(
    values: list[Any], before: Any, newest: Any
) -> None:
    seen = Seen()
    seen.note(values[:1])
    seen.note(values[1:])
    assert seen.newest(before, NOON) == newest


@pytest.mark.unit
@pytest.mark.parametrize(
    ("value", "lag", "asked"),
    [
        ("2026-05-01T00:00:00.900000+00:00", 3600, "2026-04-30T23:00:00Z"),
        ("0001-01-01T00:00:00+00:00", 3600, "0001-01-01T00:00:00Z"),
        (1_000, 60, 940),
        (7.5, 0.25, 7.25),
    ],
)
def test_a_run_asks_with_the_cursor_less_the_lag(tmp_path: Path, value: Any, lag: float, asked: Any) -> None:
    folder = write_source(tmp_path, {"incremental": CHANGED | {"lag_seconds": lag}})
    incremental = folder.source.endpoints[0].incremental
    cursors = Cursors("http://a")
    assert incremental
    assert cursors.since("users", incremental) is None
    cursors.move_on("users", incremental, seen_of(value), NOON)
    assert cursors.since("users", incremental) == asked
    assert cursors.since("users", incremental.model_copy(update={"field": "changed"})) is None


def seen_of(value: Any) -> Seen:
    seen = Seen()
    seen.note([value])
    return seen


# Against a server of whatever records


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "home")


@pytest.fixture(scope="module")
def records() -> Iterator[RecordsApi]:
    with giving() as server:
        yield server


@pytest.fixture
def folder(tmp_path: Path) -> ApiSourceFolder:
    return write_source(tmp_path / "shop", {"incremental": CHANGED})


def exported(report: IngestReport) -> dict[Any, str]:
    """Return the name of each customer that is exported, and hold the figures against each other."""
    figures = report.figures
    assert figures.landed + figures.duplicates + figures.quarantined == figures.records
    content = json.loads(report.files[0].read_text())
    assert content["metadata"]["total_customers"] == len(content["customers"]) == sum(figures.buckets.values())
    return {customer["customer_id"]: customer["full_name"] for customer in content["customers"]}


def user(number: int, name: str, updated_at: Any = "2026-05-01T00:00:00Z", **more: Any) -> dict[str, Any]:
    return {"id": number, "first_name": name, "updated_at": updated_at} | more


@pytest.mark.integration
def test_what_the_newest_run_says_of_a_customer_wins_over_a_better_record_of_an_older(
    workspace: Workspace, folder: ApiSourceFolder, records: RecordsApi
) -> None:
    records.give("/users", [user(1, "Ada", email="a@example.com"), user(2, "Ben"), user(3, "Cy")])
    assert exported(ingest(workspace, folder, records.address)) == {1: "Ada", 2: "Ben", 3: "Cy"}
    records.give("/users", [user(1, "Eve", "2026-05-02T00:00:00Z"), {"id": 4, "first_name": "Dan"}])
    report = ingest(workspace, folder, records.address)
    assert exported(report) == {1: "Eve", 2: "Ben", 3: "Cy", 4: "Dan"}
    assert (report.figures.records, report.figures.landed) == (2, 2)
    assert records.asked[-1]["updated_since"] == report.run.endpoints["users"].since == "2026-04-30T23:00:00Z"


@pytest.mark.integration
def test_a_run_that_finds_nothing_new_lands_nothing_and_keeps_the_export(
    workspace: Workspace, folder: ApiSourceFolder, records: RecordsApi
) -> None:
    records.give("/users", [user(1, "Ada")])
    ingest(workspace, folder, records.address)
    before = cursor_path(workspace, "shop").read_text()
    records.give("/users", [])
    report = ingest(workspace, folder, records.address)
    assert exported(report) == {1: "Ada"}
    assert (report.figures.records, report.run.batches) == (0, [])
    assert json.loads(cursor_path(workspace, "shop").read_text())["endpoints"] == json.loads(before)["endpoints"]


@pytest.mark.integration
def test_reading_afresh_asks_for_everything_and_forgets_who_left(
    workspace: Workspace, folder: ApiSourceFolder, records: RecordsApi
) -> None:
    records.give("/users", [user(1, "Ada"), user(2, "Ben")])
    ingest(workspace, folder, records.address)
    records.give("/users", [user(2, "Ben")])
    assert exported(ingest(workspace, folder, records.address, afresh=True)) == {2: "Ben"}
    assert "updated_since" not in records.asked[-1]


@pytest.mark.integration
def test_another_address_or_a_batch_that_is_gone_is_reason_to_read_everything(
    workspace: Workspace, folder: ApiSourceFolder, records: RecordsApi
) -> None:
    records.give("/users", [user(1, "Ada")])
    ingest(workspace, folder, records.address)
    with giving(users=[user(7, "Gus")]) as other:
        assert exported(ingest(workspace, folder, other.address)) == {7: "Gus"}
        assert "updated_since" not in other.asked[-1]
        for manifest in (workspace.lake / "manifests").glob("*.json"):
            manifest.unlink()
        assert exported(ingest(workspace, folder, other.address)) == {7: "Gus"}
        assert "updated_since" not in other.asked[-1]


@pytest.mark.integration
def test_an_endpoint_that_is_read_whole_beside_one_that_is_not_replaces_its_own(
    workspace: Workspace, tmp_path: Path, records: RecordsApi
) -> None:
    older = {"name": "archive", "path": "/archive", "tables": ["api_customers"]}
    folder = write_source(tmp_path / "shop", {"incremental": CHANGED}, older)
    records.give("/users", [user(1, "Ada")])
    records.give("/archive", [user(8, "Hal"), user(9, "Ida")])
    assert exported(ingest(workspace, folder, records.address)) == {1: "Ada", 8: "Hal", 9: "Ida"}
    records.give("/users", [])
    records.give("/archive", [user(9, "Ida")])
    assert exported(ingest(workspace, folder, records.address)) == {1: "Ada", 9: "Ida"}


# Against a demo API that moves


@pytest.fixture
def moving() -> Iterator[DemoApi]:
    with running(DemoSettings(users=USERS, trouble=QUIET, auth="none")) as api:
        yield api


def demo_source(path: Path) -> ApiSourceFolder:
    paged = {"path": "/api/users", "params": {"per_page": 15}, "records": "data", "count": "total"}
    paging = {"paging": {"kind": "page", "pages": "total_pages"}}
    return write_source(path / "demo", paged | paging | {"incremental": CHANGED}, name="demo")


def names_now(api: DemoApi) -> dict[Any, str]:
    """Return what the server says of everybody."""
    users = httpx.get(f"{api.address}/api/users", params={"per_page": 1_000}).json()["data"]
    return {user["id"]: f"{user['first_name']} {user['last_name']}" for user in users}


@pytest.mark.integration
def test_over_days_of_changes_each_run_asks_for_little_and_the_export_is_what_the_server_has(
    workspace: Workspace, tmp_path: Path, moving: DemoApi
) -> None:
    folder = demo_source(tmp_path)
    assert exported(ingest(workspace, folder, moving.address)) == names_now(moving)
    values = []
    for _ in range(3):
        httpx.post(f"{moving.address}/revision").raise_for_status()
        report = ingest(workspace, folder, moving.address)
        assert exported(report) == names_now(moving)
        assert 0 < report.figures.records < USERS / 4
        values.append(json.loads(cursor_path(workspace, "demo").read_text())["endpoints"]["users"]["value"])
    assert values == sorted(set(values))


@pytest.mark.integration
def test_a_killed_run_keeps_the_cursor_and_goes_on_with_what_it_asked(
    workspace: Workspace, tmp_path: Path, moving: DemoApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = demo_source(tmp_path)
    ingest(workspace, folder, moving.address)
    before = cursor_path(workspace, "demo").read_text()
    httpx.post(f"{moving.address}/revision").raise_for_status()
    httpx.post(f"{moving.address}/revision").raise_for_status()
    monkeypatch.setattr(api_run, "CHUNK_RECORDS", 15)
    with monkeypatch.context() as patch:
        patch.setattr(api_run, "write_json", killed_after(1))
        with pytest.raises(KeyboardInterrupt):
            ingest(workspace, folder, moving.address)
    assert cursor_path(workspace, "demo").read_text() == before
    landed = len(live_batches(workspace))
    report = ingest(workspace, folder, moving.address)
    assert report.run.resumed == 1
    assert len(live_batches(workspace)) >= landed
    assert exported(report) == names_now(moving)


def killed_after(calls: int) -> Callable[..., None]:
    """Return a write of state that works so many times, and then the process is killed."""
    left = iter(range(calls))

    def write(path: Path, content: dict[str, Any]) -> None:
        if next(left, None) is None:
            raise KeyboardInterrupt
        write_json(path, content)

    return write


@pytest.mark.integration
def test_a_run_killed_between_cursor_and_state_counts_once(
    workspace: Workspace, folder: ApiSourceFolder, records: RecordsApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write_and_die(self: Cursors, *where: Any) -> None:
        write(self, *where)
        raise KeyboardInterrupt

    write = Cursors.write
    records.give("/users", [user(1, "Ada")])
    with monkeypatch.context() as patch:
        patch.setattr(Cursors, "write", write_and_die)
        with pytest.raises(KeyboardInterrupt):
            ingest(workspace, folder, records.address)
    report = ingest(workspace, folder, records.address)
    assert (exported(report), report.figures.records, report.run.resumed) == ({1: "Ada"}, 1, 1)
    assert len(json.loads(cursor_path(workspace, "shop").read_text())["runs"]) == 1


@pytest.mark.integration
@pytest.mark.parametrize(("lag", "found"), [(3600, {1: "Ada", 2: "Ben"}), (60, {1: "Ada"})])
def test_a_change_written_late_or_by_a_slow_clock_is_found_within_the_lag(
    workspace: Workspace, tmp_path: Path, records: RecordsApi, lag: int, found: dict[int, str]
) -> None:
    asking = {"field": "updated_at", "param": "changed_since", "lag_seconds": lag}
    folder = write_source(tmp_path / "shop", {"incremental": asking})
    newest = user(1, "Ada", "2026-05-01T10:00:00Z")
    records.give("/users", [newest])
    ingest(workspace, folder, records.address)
    records.give("/users", [newest, user(2, "Ben", "2026-05-01T09:30:00Z")])
    assert exported(ingest(workspace, folder, records.address)) == found
