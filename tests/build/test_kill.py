"""Kill load and build anywhere, under constant readers: every answer comes from one complete build."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tarfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from customer360.errors import Unavailable
from customer360.lake import live_batches
from customer360.semantic import Reader, build_query
from customer360.settings import QuerySettings, ResourceSettings, load
from customer360.warehouse import open_builds
from customer360.workspace import Workspace

pytestmark = pytest.mark.integration

FILES_BEFORE, FILES_A_ROUND, ROUNDS = 6, 2, 6
LOAD_SECONDS, BUILD_SECONDS = 2.5, 9.0

PROFILES = build_query(metrics=["customer_count", "total_lifetime_value"])
FACTS = build_query(metrics=["total_spend", "transaction_count"], filters={"field": "customer_id", "op": "is_not_null"})


@dataclass
class Readers:
    """Threads that read all the time and note what each build answered."""

    home: Path
    seen: dict[str, set[tuple[object, ...]]] = field(default_factory=dict)
    reads: int = 0
    faults: list[str] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Readers:
        self._threads = [threading.Thread(target=self._read) for _ in range(2)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _read(self) -> None:
        reader = Reader.of(Workspace(self.home), load(QuerySettings), load(ResourceSettings))
        while not self._stop.is_set():
            try:
                with reader.pin() as reading:
                    profiles, facts = reading.ask(PROFILES), reading.ask(FACTS)
                    answer = (*profiles.table.to_pylist()[0].values(), *facts.table.to_pylist()[0].values())
                    self.seen.setdefault(reading.build.build_id, set()).add(answer)
                    self.reads += 1
            except Unavailable:
                self.faults.append("nothing was served")
            except Exception as error:  # noqa: BLE001  (whatever a reader meets is what this test is about)
                self.faults.append(repr(error))
            time.sleep(0.005)
        reader.close()


def command(home: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """Start the product as a user would, in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "customer360.cli", "--home", str(home), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def finish(home: Path, *arguments: str) -> None:
    """Run a command to its end, which must be a good one."""
    process = command(home, *arguments)
    out, err = process.communicate(timeout=240)
    assert process.returncode == 0, (out + err).decode()


def kill_after(process: subprocess.Popen[bytes], seconds: float, *, whole_group: bool) -> bool:
    """SIGKILL a command (alone, or with its children) after a while; tells whether it was still running."""
    time.sleep(seconds)
    was_running = process.poll() is None
    if was_running:
        os.killpg(process.pid, signal.SIGKILL) if whole_group else os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    return was_running


def test_killed_at_random_moments_what_was_published_stays_served(data_folder: Path, tmp_path: Path) -> None:
    days = tmp_path / "days"
    with tarfile.open(data_folder / "online_retail" / "by-day.tar.gz") as archive:
        archive.extractall(days, filter="data")
    files = sorted(days.glob("*.csv"))
    inbox, home = tmp_path / "inbox", tmp_path / "home"
    inbox.mkdir()
    for file in files[:FILES_BEFORE]:
        file.rename(inbox / file.name)
    finish(home, "load", "online_retail", "--from", str(inbox))
    finish(home, "build")

    draw, killed = random.Random(20261121), 0
    with Readers(home) as readers:
        for number in range(ROUNDS):
            start = FILES_BEFORE + number * FILES_A_ROUND
            for file in files[start : start + FILES_A_ROUND]:
                file.rename(inbox / file.name)
            loading = command(home, "load", "online_retail", "--from", str(inbox))
            killed += kill_after(loading, draw.uniform(0.2, LOAD_SECONDS), whole_group=number % 2 == 0)
            building = command(home, "build")
            moment = draw.uniform(0.3, BUILD_SECONDS)
            alive = kill_after(building, moment, whole_group=number % 2 == 1)
            killed += alive
            print(f"round {number}: load killed, build {'killed' if alive else 'finished'} within {moment:.1f} s")
        finish(home, "load", "online_retail", "--from", str(inbox))
        finish(home, "build")
        time.sleep(0.5)

    print(f"{killed} kills, {readers.reads} reads over {len(readers.seen)} builds, {len(readers.faults)} faults")
    assert readers.faults == []
    assert killed >= 8
    assert readers.reads > 100
    for build_id, answers in readers.seen.items():
        assert len(answers) == 1, f"{build_id} gave {answers}"
        [(customers, lifetime_value, spend, transactions)] = answers
        assert lifetime_value == spend
        assert customers
        assert transactions

    workspace = Workspace(home)
    batches = [batch for batch in live_batches(workspace) if batch.source.endswith(".csv")]
    assert len(batches) == FILES_BEFORE + ROUNDS * FILES_A_ROUND
    builds = open_builds(workspace)
    current = builds.get(builds.current_id())
    assert current.tables["gold.fct_transactions"]["rows"] == sum(batch.rows for batch in batches)
    assert not list((home / "lake" / "incoming").glob("*"))
