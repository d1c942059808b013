"""A load that is killed leaves only whole batches, and the next one carries on to the same end."""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from customer360.ingest import find_dataset, load_dataset
from customer360.lake import Manifest, live_batches, parquet_path, raw_folder, read_manifests
from customer360.workspace import Workspace
from tests.ingest.shop import bronze, land, put, sales, write_shop

pytestmark = pytest.mark.integration

KILLS = 12
DAYS = 60

# Forks one load per line it reads (home, dataset, source), so that each costs no import; tells the pid, then the end.
LOADER = """
import os, sys
from pathlib import Path
from customer360.ingest import find_dataset, load_dataset, loading
from customer360.workspace import Workspace

loading.GROUP_FILES = 2  # more steps to be killed between
for line in sys.stdin:
    home, dataset, source = line.rstrip("\\n").split("\\t")
    pid = os.fork()
    if pid == 0:
        load_dataset(Workspace(Path(home)), find_dataset(dataset), Path(source), replace=True)
        os._exit(0)
    print(pid, flush=True)
    print(os.waitpid(pid, 0)[1], flush=True)
"""


class Loader:
    """A process that runs loads, each in a child that can be killed."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", LOADER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def load_and_kill(self, workspace: Workspace, dataset: str, source: Path, *, after: float) -> bool:
        """Start a load and kill it after so many seconds; return whether it was still running."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(f"{workspace.home}\t{dataset}\t{source}\n")
        self._process.stdin.flush()
        pid = int(self._process.stdout.readline())
        time.sleep(after)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        status = int(self._process.stdout.readline())
        assert status in {0, signal.SIGKILL}
        return status == signal.SIGKILL

    def close(self) -> None:
        self._process.communicate()


@pytest.fixture(scope="module")
def loader() -> Iterator[Loader]:
    started = Loader()
    yield started
    started.close()


@pytest.fixture(scope="module")
def days(data_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first sixty files of Online Retail's archive."""
    folder = tmp_path_factory.mktemp("days")
    with tarfile.open(data_folder / "online_retail" / "by-day.tar.gz") as archive:
        members = [member for _, member in zip(range(DAYS + 1), archive, strict=False) if member.isfile()]
        archive.extractall(folder, members=members[:DAYS], filter="data")
    return folder


def assert_every_batch_is_whole(workspace: Workspace) -> list[Manifest]:
    manifests = read_manifests(workspace)
    for manifest in manifests:
        for table, counts in manifest.tables.items():
            assert pq.read_table(parquet_path(workspace, table, manifest.batch_id)).num_rows == counts.rows
        kept = raw_folder(workspace, manifest.batch_id) / Path(manifest.source).name
        assert hashlib.sha256(kept.read_bytes()).hexdigest() == manifest.sha256
    sources = [manifest.source for manifest in live_batches(workspace)]
    assert len(sources) == len(set(sources))
    return manifests


def content(workspace: Workspace) -> list[tuple[object, ...]]:
    return [
        *bronze(
            workspace, "select count(*), sum(transaction_amount), sum(hash(transaction_id, _line)) from transactions"
        ),
        *bronze(workspace, "select count(*), sum(hash(product_id, product_name, _line)) from products"),
        *bronze(workspace, "select count(*), sum(hash(customer_id, country, _line)) from customers"),
    ]


def test_a_load_killed_at_any_moment_leaves_whole_batches_and_carries_on(
    loader: Loader, days: Path, tmp_path: Path
) -> None:
    clean = Workspace(tmp_path / "clean")
    started = time.monotonic()
    expected = load_dataset(clean, find_dataset("online_retail"), days)
    whole = time.monotonic() - started
    moments = random.Random(360)
    killed = runs = 0
    workspace = Workspace(tmp_path / "0")
    partly: set[int] = set()
    while killed < KILLS or len(partly) < 3:
        runs += 1
        assert runs < 10 * KILLS, "the kills came too early or too late to show anything"
        running = loader.load_and_kill(workspace, "online_retail", days, after=moments.uniform(0.02, whole))
        killed += running
        partly |= {len(assert_every_batch_is_whole(workspace))} - {0, DAYS + 1}
        if not running:
            workspace = Workspace(tmp_path / str(runs))
    report = load_dataset(workspace, find_dataset("online_retail"), days)
    assert (report.rows, report.tables, report.figures) == (expected.rows, expected.tables, expected.figures)
    assert content(workspace) == content(clean)
    assert len(assert_every_batch_is_whole(workspace)) == DAYS + 1
    assert not list(workspace.lake.rglob("*.tmp"))


def test_a_replacement_killed_at_any_moment_leaves_one_live_batch_a_file(loader: Loader, tmp_path: Path) -> None:
    moments = random.Random(361)
    shop = write_shop(tmp_path / "shop")
    workspace = Workspace(tmp_path / "home")
    numbers = range(40)
    land(workspace, shop, put(tmp_path / "in", **{f"f{n}": sales(n) for n in numbers}))
    for revision in range(2, 7):
        put(tmp_path / "in", **{f"f{n}": sales(*range(n * 100, n * 100 + revision)) for n in numbers})
        loader.load_and_kill(workspace, str(shop.folder), tmp_path / "in", after=moments.uniform(0.05, 0.4))
        assert_every_batch_is_whole(workspace)
        assert len(live_batches(workspace)) == len(numbers) + 1
    land(workspace, shop, tmp_path / "in", replace=True)
    assert bronze(workspace, "select count(*), count(distinct _batch_id) from transactions") == [(6 * 40, 40)]
    marked = {manifest.batch_id for manifest in read_manifests(workspace) if manifest.superseded_by}
    live = {manifest.batch_id for manifest in live_batches(workspace)}
    assert marked | live == {manifest.batch_id for manifest in assert_every_batch_is_whole(workspace)}
    assert not marked & live
