"""The synthetic bank from nothing to a published build: generate, load, build."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bench.measure import Measured, measure, per_second
from bench.online_retail import CLI


def run(folder: Path, scale: str) -> dict[str, Any]:
    """Measure one scale, each step in a process of its own.

    Raises:
        MeasurementFailed: a step failed.
    """
    files, home = folder / f"bank-{scale}", folder / f"bank-{scale}-home"
    generate = measure([*CLI, "generate", "--scale", scale, "--out", str(files), "--json"])
    load = measure([*CLI, "--home", str(home), "load", "bank", "--from", str(files), "--json"])
    build = measure([*CLI, "--home", str(home), "build", "--json"])
    record = json.loads(build.output)
    rows = int(record["tables"]["gold.fct_transactions"]["rows"])
    steps = {"generate": generate, "load": load, "build": build}
    return {
        "scale": scale,
        "customers": int(record["tables"]["gold.customer_360_profile"]["rows"]),
        "transactions": rows,
        "steps": {name: _step(step, rows) for name, step in steps.items()},
        "build_phases": record["durations"],
        "targets": [],
    }


def _step(step: Measured, rows: int) -> dict[str, float]:
    return {
        "seconds": step.seconds,
        "cpu_seconds": step.cpu_seconds,
        "peak_mb": step.peak_mb,
        "rows_per_second": per_second(rows, step.seconds),
    }
