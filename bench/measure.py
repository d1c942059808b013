"""How things are measured: a process with all it starts, percentiles, and the machine they were measured on."""

from __future__ import annotations

import math
import os
import platform
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]

SAMPLE_SECONDS = 0.05
VERSIONS = ("customer360", "duckdb", "pyarrow", "dbt-core", "dbt-duckdb", "fastapi", "uvicorn", "numpy")


class MeasurementFailed(Exception):
    """A measured program did not do its work, so there is nothing to report."""


@dataclass(frozen=True)
class Measured:
    """What a process and everything it started took; ``output`` is its standard output."""

    seconds: float
    cpu_seconds: float
    peak_mb: float
    output: str


@dataclass(frozen=True)
class Target:
    """A figure that an issue sets; ``measured`` may not exceed ``most``."""

    name: str
    measured: float
    most: float
    unit: str

    @property
    def holds(self) -> bool:
        return self.measured <= self.most

    def as_dict(self) -> dict[str, Any]:
        return {**vars(self), "holds": self.holds}


def measure(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Measured:
    """Run a program to its end.

    The peak is the largest sum of resident memory over the process tree at one moment; pages that two processes share
    count twice, so it is never too small by more than what lies between two samples.

    Raises:
        MeasurementFailed: it ended with an error.
    """
    started = time.perf_counter()
    with (
        subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **(environment or {})},
        ) as process,
        _peak_memory(process.pid) as peak,
    ):
        before = os.times()
        output, errors = process.communicate()
        after = os.times()
        seconds = time.perf_counter() - started
    if process.returncode:
        ended = f"{' '.join(command)} ended with {process.returncode}"
        raise MeasurementFailed(f"{ended}:\n{output[-500:]}{errors[-2000:]}")
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return Measured(seconds, cpu, peak[0] / 2**20, output)


@contextmanager
def _peak_memory(pid: int) -> Iterator[list[int]]:
    peak, ended = [0], threading.Event()

    def watch() -> None:
        while not ended.wait(SAMPLE_SECONDS):
            peak[0] = max(peak[0], resident_bytes(pid))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield peak
    finally:
        ended.set()
        watcher.join()


def resident_bytes(pid: int) -> int:
    """Return the resident memory of a process and all its descendants; 0 when it has ended."""
    try:
        parent = psutil.Process(pid)
        family = [parent, *parent.children(recursive=True)]
    except psutil.Error:
        return 0
    return sum(map(_resident, family))


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that at least ``share`` percent of the values do not exceed (nearest rank).

    Raises:
        MeasurementFailed: there are no values.
    """
    if not values:
        raise MeasurementFailed("Nothing was measured, so there is no percentile.")
    rank = max(1, math.ceil(len(values) * share / 100))
    return sorted(values)[rank - 1]


def median(values: Sequence[float]) -> float:
    """Return the middle value, the lower one of two."""
    return percentile(values, 50)


def per_second(count: int, seconds: float) -> float:
    """Return a rate; 0 where no time passed."""
    return count / seconds if seconds > 0 else 0.0


def machine() -> dict[str, Any]:
    """Return what the figures depend on, and how busy the machine is as the run begins."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "processor": _processor(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in VERSIONS},
        "load_average": round(os.getloadavg()[0], 2),
    }


def _processor() -> str:
    facts = Path("/proc/cpuinfo")
    lines = facts.read_text(encoding="utf-8").splitlines() if facts.is_file() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
