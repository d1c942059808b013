"""How long the API takes at a fixed rate: idle, and while builds run and publish beside it."""

from __future__ import annotations

import json
import os
import random
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import duckdb

from bench.measure import MeasurementFailed, Target, measure, percentile, resident_bytes
from bench.online_retail import CLI, publish, warehouse
from customer360.cli.serving import _api_command
from customer360.settings import AppSettings, load

HOST = "127.0.0.1"
CUSTOMERS_PER_SECOND = 200
HEALTH_PER_SECOND = 20
SECONDS = 20.0
WARM_UP_SECONDS = 3.0
START_SECONDS = 60
MOST_CUSTOMER_MS = 10.0
MOST_HEALTH_MS = 5.0
SEED = 20111209


def run(folder: Path, archive: Path, seconds: float = SECONDS) -> dict[str, Any]:
    """Measure the API over the workspace at ``folder/home``, which is loaded and built where it is not yet.

    Raises:
        MeasurementFailed: the API did not start or a build failed.
    """
    home = folder / "home"
    publish(home, archive)
    with _serving(home, folder / "api.log") as server:
        orders = _Orders(server.port, _ids(home))
        orders.send(WARM_UP_SECONDS)
        idle = _summary(orders.send(seconds), seconds)
        with _building(home) as finished:
            time.sleep(1)
            beside = _summary(orders.send(seconds), seconds)
        memory = resident_bytes(server.pid) / 2**20
    results = {"idle": idle, "while building": beside}
    return {
        **results,
        "seconds": seconds,
        "builds_published": len(finished),
        "api_memory_mb": memory,
        "targets": [target.as_dict() for name, result in results.items() for target in _targets(name, result)],
    }


def _targets(name: str, result: dict[str, dict[str, Any]]) -> list[Target]:
    customers, health = result["customers"], result["health"]
    failed = customers["failed"] + health["failed"]
    return [
        Target(f"GET /api/customers/{{id}} p99, {name}", customers["p99"], MOST_CUSTOMER_MS, "ms"),
        Target(f"GET /health p99, {name}", health["p99"], MOST_HEALTH_MS, "ms"),
        Target(f"requests that failed, {name}", failed, 0, ""),
    ]


@dataclass(frozen=True)
class _Server:
    pid: int
    port: int


class _Orders:
    """What the load generator is told."""

    def __init__(self, port: int, ids: list[str]) -> None:
        customers = [f"/api/customers/{quote(customer_id, safe='')}" for customer_id in ids]
        self._order = {
            "host": HOST,
            "port": port,
            "streams": [
                {"name": "customers", "rate": CUSTOMERS_PER_SECOND, "paths": customers},
                {"name": "health", "rate": HEALTH_PER_SECOND, "paths": ["/health"]},
            ],
        }

    def send(self, seconds: float) -> dict[str, dict[str, Any]]:
        """Run the load generator to its end and return what it measured."""
        done = subprocess.run(
            [sys.executable, "-m", "bench.load_generator"],
            input=json.dumps({**self._order, "seconds": seconds}),
            capture_output=True,
            text=True,
            timeout=seconds + 120,
            check=False,
        )
        if done.returncode:
            raise MeasurementFailed(f"The load generator failed: {done.stderr[-2000:]}")
        outcomes: dict[str, dict[str, Any]] = json.loads(done.stdout)
        return outcomes


def _summary(outcomes: dict[str, dict[str, Any]], seconds: float) -> dict[str, dict[str, Any]]:
    return {name: _figures(outcome, seconds) for name, outcome in outcomes.items()}


def _figures(outcome: dict[str, Any], seconds: float) -> dict[str, Any]:
    latencies = outcome["latencies"]
    return {
        "requests": len(latencies),
        "per_second": len(latencies) / seconds,
        **{f"p{share}": percentile(latencies, share) for share in (50, 95, 99)},
        "max": max(latencies),
        "failed": sum(outcome["errors"].values()),
        "errors": outcome["errors"],
        "client_lateness_p99": percentile(outcome["lateness"], 99),
    }


def _ids(home: Path) -> list[str]:
    """Return every customer id once, in a random order that is the same in every run."""
    with duckdb.connect(str(warehouse(home)), read_only=True) as connection:
        rows = connection.execute("select customer_id from gold.customer_360_profile order by 1").fetchall()
    ids = [str(customer_id) for (customer_id,) in rows]
    random.Random(SEED).shuffle(ids)
    return ids


@contextmanager
def _serving(home: Path, log: Path) -> Iterator[_Server]:
    """Run the API as ``customer360 serve`` starts it, on a free port."""
    port = free_port()
    settings = load(AppSettings, host=HOST, port=port)
    environment = {**os.environ, "CUSTOMER360_HOME": str(home.resolve())}
    with (
        log.open("wb") as errors,
        subprocess.Popen(
            _api_command(settings, reload=False), env=environment, stdout=errors, stderr=errors
        ) as process,
    ):
        try:
            wait_until_listening(process, port, log)
            yield _Server(process.pid, port)
        finally:
            process.terminate()


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def wait_until_listening(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Wait until a service answers.

    Raises:
        MeasurementFailed: it ended, or did not come.
    """
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex((HOST, port)) == 0:
                return
        time.sleep(0.1)
    raise MeasurementFailed(f"The service did not start: {log.read_text(errors='replace')[-2000:]}")


@contextmanager
def _building(home: Path) -> Iterator[list[float]]:
    """Build and publish again and again while the block runs; yields the seconds of each finished build."""
    finished: list[float] = []
    failed: list[MeasurementFailed] = []
    enough = threading.Event()

    def work() -> None:
        try:
            while not enough.is_set():
                finished.append(measure([*CLI, "--home", str(home), "build"]).seconds)
        except MeasurementFailed as failure:
            failed.append(failure)

    worker = threading.Thread(target=work)
    worker.start()
    try:
        yield finished
    finally:
        enough.set()
        worker.join()
    if failed:
        raise failed[0]
