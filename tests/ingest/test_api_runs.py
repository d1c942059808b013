"""A run over a source: what lands, what is said of it, what is written, and that a run that dies loses nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from customer360.demo_api import DemoSettings, Trouble
from customer360.errors import Unavailable
from customer360.ingest import api_run
from customer360.ingest.api import ingest
from customer360.ingest.api_sources import ApiSourceFolder, find_api_source
from customer360.lake import live_batches
from customer360.settings import simulated_weights
from customer360.workspace import Workspace, write_json
from tests.servers.demo_api import QUIET, running

pytestmark = pytest.mark.integration


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "home")


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> ApiSourceFolder:
    """The shipped source, which does not really wait."""
    monkeypatch.setattr("customer360.ingest.api_client.JITTER_SECONDS", 0)
    monkeypatch.setattr("customer360.ingest.api_client.time.sleep", lambda _: None)
    return find_api_source("reqres")


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.contract("S4.03")
@pytest.mark.contract("S4.13")
def test_the_twelve_users_of_reqres_are_exported_with_george_bluth_first(
    workspace: Workspace, folder: ApiSourceFolder
) -> None:
    with running(DemoSettings()) as api:
        report = ingest(workspace, folder, api.address)
        told = api.stats()
    export = read(report.files[0])
    assert export["metadata"]["total_customers"] == len(export["customers"]) == 12
    assert export["metadata"]["data_quality_summary"] == {"high_quality": 12, "medium_quality": 0, "low_quality": 0}
    first = export["customers"][0]
    assert (first["customer_id"], first["full_name"]) == (1, "George Bluth")
    assert (first["email_domain"], first["data_quality_score"]) == ("reqres.in", 100)
    assert set(first) >= set(simulated_weights())
    assert all(first[field] in values for field, values in simulated_weights().items())
    assert report.requests["requests"] == told["requests"]
    assert report.requests["throttled"] == told["throttled"]


def test_every_record_is_landed_a_duplicate_or_quarantined(workspace: Workspace, folder: ApiSourceFolder) -> None:
    with running(DemoSettings(users=2_000, messy=0.3, trouble=QUIET)) as api:
        report = ingest(workspace, folder, api.address)
        told = api.stats()
    figures = report.figures
    assert figures.records == told["records_sent"]
    assert figures.landed + figures.duplicates + figures.quarantined == figures.records >= 2_000
    assert min(figures.landed, figures.duplicates) > 0
    assert sum(figures.buckets.values()) == figures.landed == len(read(report.files[0])["customers"])


@pytest.mark.contract("S4.22")
def test_a_second_run_exports_the_same_bytes_but_for_the_time(workspace: Workspace, folder: ApiSourceFolder) -> None:
    with running(DemoSettings(users=300, messy=0.2)) as api:
        exports = [read(ingest(workspace, folder, api.address).files[0]) for _ in range(2)]
    for export in exports:
        export["metadata"].pop("export_timestamp")
    assert exports[0] == exports[1]


def test_a_run_that_is_cut_off_goes_on_behind_what_landed(
    workspace: Workspace, folder: ApiSourceFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_run, "CHUNK_RECORDS", 200)
    with running(DemoSettings(users=1_000, trouble=QUIET)) as api:
        with monkeypatch.context() as patch:
            patch.setattr(api_run, "write_json", _fails_at(3, write_json))
            with pytest.raises(KeyboardInterrupt):
                ingest(workspace, folder, api.address)
        landed = len(live_batches(workspace))
        assert landed == 3
        report = ingest(workspace, folder, api.address)
    assert report.run.resumed == 1
    assert report.figures.landed == 1_000
    assert report.figures.records == 1_000
    assert not api_run.state_path(workspace, "reqres").exists()


@pytest.mark.contract("S4.30")
@pytest.mark.contract("S4.42")
def test_memory_does_not_grow_with_the_number_of_records(tmp_path: Path) -> None:
    """``make bench`` shows the same of a million."""
    with running(DemoSettings(users=100_000, trouble=QUIET)) as api:
        command = [sys.executable, "-c", MEASURED, str(tmp_path / "home"), api.address]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    landed, first, *_, last = json.loads(done.stdout.splitlines()[-1])
    assert landed == 100_000
    assert last < 450_000
    assert last - first < 100_000


MEASURED = """
import json, re, sys
from pathlib import Path
from customer360.ingest.api import ingest
from customer360.ingest.api_sources import find_api_source
from customer360.workspace import Workspace

folder = find_api_source("reqres")
[endpoint] = folder.source.endpoints
large = endpoint.model_copy(update={"params": {"per_page": 1000}})
folder.source = folder.source.model_copy(update={"endpoints": [large], "requests_per_second": 10_000})
peaks = []
status = Path("/proc/self/status")  # ru_maxrss begins with what the process that started this one had taken
note = lambda *_: peaks.append(int(re.search(r"VmHWM:\\s+(\\d+) kB", status.read_text())[1]))
report = ingest(Workspace(Path(sys.argv[1])), folder, sys.argv[2], progress=note)
note()
print(json.dumps([report.figures.landed, *peaks]))
"""


def _fails_at(call: int, function: Any) -> Any:
    calls = iter(range(1, 1_000))

    def run(*arguments: Any) -> None:
        if next(calls) == call:
            raise KeyboardInterrupt
        function(*arguments)

    return run


def test_a_source_that_stays_away_leaves_what_had_landed(
    workspace: Workspace, folder: ApiSourceFolder, tmp_path: Path
) -> None:
    with running(DemoSettings(trouble=QUIET)) as api:
        before = read(ingest(workspace, folder, api.address, out=tmp_path / "out").files[0])
    with running(DemoSettings(trouble=Trouble(error=1), failures_in_a_row=100)) as api, pytest.raises(Unavailable):
        ingest(workspace, folder, api.address, out=tmp_path / "out")
    assert read(tmp_path / "out" / "processed_customers.json") == before
    assert len(live_batches(workspace)) == 1
