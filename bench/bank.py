"""The synthetic bank from nothing to a published build, and one customer's page out of all of it.

Generating is held against the barest statement that writes as many rows, building against one hand-written script that
makes the same tables, which are compared value for value where they are small enough for that.
"""

from __future__ import annotations

import json
import math
import os
import random
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import duckdb

from bench.measure import Measured, MeasurementFailed, Target, measure, per_second, percentile
from bench.online_retail import CLI, compare, warehouse
from customer360.customers import get_customer, latest_transactions
from customer360.semantic import Reader
from customer360.settings import QuerySettings, ResourceSettings, load
from customer360.workspace import Workspace

BUILD_MEMORY = "6GB"
COMPARED_ROWS = 1_000_000
LOOKUPS = 300
LATEST = 1000
SEED = 42
# All but customer_segment_history, which remembers what the build of the day before found; the script has no such day.
# Features and labels of churn at each cutoff, what is told from them, and roll-ups of the facts ours makes on top.
TABLES = (
    "gold.dim_customer",
    "gold.dim_date",
    "gold.dim_merchant_category",
    "gold.dim_product",
    "gold.fct_customer_products",
    "gold.fct_transactions",
    "gold.customer_360_profile",
    "gold.customer_engagement",
    "gold.customer_segments",
    "gold.metric_avg_transaction_value",
    "gold.metric_customer_ltv",
    "gold.monthly_customer_spending",
    "monitoring.daily_metrics",
    "silver.int_customer_transaction_summary",
)


def run(folder: Path, scale: str) -> dict[str, Any]:
    """Measure one scale, each step in a process of its own.

    Raises:
        MeasurementFailed: a step failed, or the script and ours made different tables.
    """
    files, home = folder / f"bank-{scale}", folder / f"bank-{scale}-home"
    script_file, barest_file = folder / f"bank-{scale}.duckdb", folder / f"bank-{scale}.parquet"
    generate = measure([*CLI, "generate", "--scale", scale, "--out", str(files), "--json"])
    before, last_day = _split_off_the_last_day(files, folder / f"bank-{scale}-days")
    load = [*CLI, "--home", str(home), "load", "bank", "--json", "--from"]
    load_step = measure([*load, str(before)])
    memory = {"CUSTOMER360_BUILD_MEMORY": BUILD_MEMORY, "CUSTOMER360_BUILD_NICE": "0"}
    build = measure([*CLI, "--home", str(home), "build", "--json"], memory)
    load_day = measure([*load, str(last_day)])
    build_day = measure([*CLI, "--home", str(home), "build", "--json"], memory)
    record, first = json.loads(build_day.output), json.loads(build.output)
    if record["carried_from"] != first["build_id"]:
        raise MeasurementFailed(f"The new day was not added to the build before: {record['made_anew_because']}.")
    rows = int(record["tables"]["gold.fct_transactions"]["rows"])
    baseline = [sys.executable, "-m", "bench.bank_baseline"]
    barest = measure([*baseline, "write", str(barest_file), str(rows)])
    script = measure([*baseline, "build", str(files), str(script_file)])
    if rows <= COMPARED_ROWS:
        compare(script_file, warehouse(home), TABLES)
    steps = {
        "generate": generate,
        "the barest statement": barest,
        "load": load_step,
        "build": build,
        "load one more day": load_day,
        "build one more day": build_day,
        "the script": script,
    }
    result = {
        "scale": scale,
        "customers": int(record["tables"]["gold.customer_360_profile"]["rows"]),
        "transactions": rows,
        "steps": {name: _step(step, rows) for name, step in steps.items()},
        "build_phases": first["durations"],
        "build_seconds": build.seconds - first["durations"]["dbt_startup"],
        "day_of_build": build_day.seconds / build.seconds,
        "lookup_ms": _look_up(home),
        "disk_mb": {"files": _megabytes(files), "workspace": _megabytes(home)},
    }
    for path in (script_file, barest_file):
        path.unlink()
    shutil.rmtree(files)
    shutil.rmtree(before.parent)
    return result | {"targets": [target.as_dict() for target in _targets(result, generate, build)]}


def fit_exponent(scales: list[dict[str, Any]]) -> float | None:
    """Return the exponent by which the time of a build grows with its rows, fitted by least squares of logarithms."""
    points = [(math.log(scale["transactions"]), math.log(scale["build_seconds"])) for scale in scales]
    if len(points) < 2:
        return None
    mean_x, mean_y = (sum(values) / len(points) for values in zip(*points, strict=True))
    slope: float = sum((x - mean_x) * (y - mean_y) for x, y in points) / sum((x - mean_x) ** 2 for x, _ in points)
    return slope


def _split_off_the_last_day(files: Path, out: Path) -> tuple[Path, Path]:
    """Return two folders with what the files hold: all but the transactions of the last day, and those."""
    before, last_day = out / "before", out / "last_day"
    for folder in (before, last_day):
        folder.mkdir(parents=True)
    *others, newest = sorted(files.glob("*.parquet"))
    for path in others:
        os.link(path, before / path.name)
    with duckdb.connect() as connection:
        [(day,)] = connection.execute("select max(transaction_date) from read_parquet($1)", [str(newest)]).fetchall()
        for folder, side in ((before, "<"), (last_day, "=")):
            to = folder / f"{newest.stem}{'-last-day' if folder is last_day else ''}.parquet"
            connection.execute(f"copy (from '{newest}' where transaction_date {side} date '{day}') to '{to}'")
    return before, last_day


def _look_up(home: Path) -> dict[str, float]:
    """Ask for one customer's profile and latest transactions, many times, in this process and without its cache."""
    reader = Reader.of(Workspace(home), load(QuerySettings, cache_seconds=0), load(ResourceSettings))
    draws = random.Random(SEED)
    took = []
    with reader.pin() as reading:
        for _ in range(LOOKUPS):
            customer = f"CUST{draws.randint(1, 2000):08d}"
            started = time.perf_counter()
            latest_transactions(reading, get_customer(reading, customer), limit=LATEST)
            took.append(1000 * (time.perf_counter() - started))
    return {"p50": percentile(took, 50), "p99": percentile(took, 99)}


def _targets(result: dict[str, Any], generate: Measured, build: Measured) -> list[Target]:
    scale, steps = result["scale"], result["steps"]
    of_barest = generate.seconds / steps["the barest statement"]["seconds"]
    of_script = result["build_seconds"] / steps["the script"]["seconds"]
    return [
        Target(f"bank, {scale}: generate against the barest statement", of_barest, 3.0, "×"),
        Target(f"bank, {scale}: generate, peak memory", generate.peak_mb, 4096.0, "MB"),
        Target(f"bank, {scale}: build against the script", of_script, 2.0, "×"),
        Target(f"bank, {scale}: build, peak memory", build.peak_mb, 8192.0, "MB"),
        Target(
            f"bank, {scale}: profile and latest {LATEST:,} transactions, p99", result["lookup_ms"]["p99"], 10.0, "ms"
        ),
    ]


def _megabytes(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def _step(step: Measured, rows: int) -> dict[str, float]:
    return {
        "seconds": step.seconds,
        "cpu_seconds": step.cpu_seconds,
        "peak_mb": step.peak_mb,
        "rows_per_second": per_second(rows, step.seconds),
    }
