"""Load, build and publish Online Retail from its archive, against one script that makes the same tables."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from bench.measure import Measured, MeasurementFailed, Target, measure, median

# What the script makes too; features and labels of churn at each cutoff, and what is told from them, ours makes alone.
TABLES = (
    "gold.dim_customer",
    "gold.dim_date",
    "gold.dim_merchant_category",
    "gold.dim_product",
    "gold.fct_transactions",
    "gold.customer_360_profile",
    "gold.customer_engagement",
    "gold.customer_segment_history",
    "gold.customer_segments",
    "gold.metric_avg_transaction_value",
    "gold.metric_customer_ltv",
    "gold.monthly_customer_spending",
    "silver.int_customer_transaction_summary",
)
ROUNDS = 3
MOST_TIMES_THE_SCRIPT = 3.0
MOST_MEMORY_MB = 1536.0
CLI = (str(Path(sys.executable).with_name("customer360")),)


@dataclass(frozen=True)
class Round:
    """One run of the script and one of ours right after it; phases in seconds."""

    script: Measured
    load: Measured
    build: Measured
    phases: dict[str, float]

    @property
    def ours(self) -> float:
        """Load, build and publish, without dbt's own start-up."""
        return self.load.seconds + self.build.seconds - self.phases["dbt start-up"]

    def as_dict(self) -> dict[str, Any]:
        processes = {"script": self.script, "load": self.load, "build": self.build}
        return {
            "ours_seconds": self.ours,
            "phases": self.phases,
            **{
                name: {"seconds": one.seconds, "cpu_seconds": one.cpu_seconds, "peak_mb": one.peak_mb}
                for name, one in processes.items()
            },
        }


def run(folder: Path, archive: Path, rounds: int = ROUNDS) -> dict[str, Any]:
    """Measure ``rounds`` times, the script and ours in turn; the last workspace stays at ``folder/home``.

    Raises:
        MeasurementFailed: a program failed, or the two did not make the same tables.
    """
    home, script_file = folder / "home", folder / "script.duckdb"
    measured = []
    for _ in range(rounds):
        shutil.rmtree(home, ignore_errors=True)
        script_file.unlink(missing_ok=True)
        script = measure([sys.executable, "-m", "bench.baseline", str(archive), str(script_file)])
        measured.append(_ours(script, home, archive))
    rows = compare(script_file, warehouse(home))
    return _result(measured, rows) | {"alone": list_alone(warehouse(home))}


def publish(home: Path, archive: Path) -> None:
    """Make sure that ``home`` holds a published build of Online Retail."""
    if not (home / "builds" / "current.json").exists():
        measure([*CLI, "--home", str(home), "load", "online_retail", "--from", str(archive)])
        measure([*CLI, "--home", str(home), "build"])


def warehouse(home: Path) -> Path:
    """Return the DuckDB file of the published build."""
    pointer = json.loads((home / "builds" / "current.json").read_text(encoding="utf-8"))
    return home / "builds" / str(pointer["build_id"]) / "warehouse.duckdb"


def compare(script: Path, ours: Path, tables: Sequence[str] = TABLES) -> dict[str, int]:
    """Return the rows of each table; every column of the script must hold the same values in both files.

    Raises:
        MeasurementFailed: they do not, so the two did not do the same work.
    """
    with duckdb.connect() as connection:
        for name, path in (("script", script), ("ours", ours)):
            connection.execute(f"attach '{path}' as {name} (read_only)")
        return {table: _same(connection, table) for table in tables}


def list_alone(ours: Path) -> list[str]:
    """Return the tables of gold that ours makes and the script does not."""
    with duckdb.connect(str(ours), read_only=True) as connection:
        found = connection.execute("select table_name from information_schema.tables where table_schema = 'gold'")
        return sorted({f"gold.{name}" for (name,) in found.fetchall()} - set(TABLES))


def _same(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    made = connection.execute(f"select column_name from (describe script.{table})").fetchall()
    columns = ", ".join(f'"{column}"' for (column,) in made)
    differing = 0
    for one, other in (("script", "ours"), ("ours", "script")):
        extra = f"select {columns} from {one}.{table} except all select {columns} from {other}.{table}"
        [(rows,)] = connection.execute(f"select count(*) from ({extra})").fetchall()
        differing += rows
    if differing:
        raise MeasurementFailed(f"{table}: {differing} rows differ between the script's file and ours.")
    [(rows,)] = connection.execute(f"select count(*) from ours.{table}").fetchall()
    return int(rows)


def _ours(script: Measured, home: Path, archive: Path) -> Round:
    command = [*CLI, "--home", str(home)]
    load = measure([*command, "load", "online_retail", "--from", str(archive), "--json"])
    build = measure([*command, "build", "--json"])
    record, runs = json.loads(build.output), json.loads(measure([*command, "runs", "--json"]).output)
    inside = {run["kind"]: _seconds(run) for run in runs}
    durations = record["durations"]
    phases = {
        "start of the command: load": load.seconds - inside["load"],
        "landing": inside["load"],
        "start of the command: build": build.seconds - inside["build"],
        "bronze views": durations["bronze"],
        "dbt start-up": durations["dbt_startup"],
        "dbt": durations["dbt"],
        "gate": durations["gate"],
        "close": durations["close"],
        "start of the building process, publish": inside["build"] - sum(durations.values()),
    }
    return Round(script, load, build, phases)


def _seconds(run: dict[str, Any]) -> float:
    started, finished = (datetime.fromisoformat(run[name]) for name in ("started_at", "finished_at"))
    return (finished - started).total_seconds()


def _result(rounds: list[Round], rows: dict[str, int]) -> dict[str, Any]:
    script, ours = median([one.script.seconds for one in rounds]), median([one.ours for one in rounds])
    peak = max(max(one.load.peak_mb, one.build.peak_mb) for one in rounds)
    return {
        "rows": rows,
        "rounds": [one.as_dict() for one in rounds],
        "script_seconds": script,
        "ours_seconds": ours,
        "ratio_of_each_round": [one.ours / one.script.seconds for one in rounds],
        "phases": {name: median([one.phases[name] for one in rounds]) for name in rounds[0].phases},
        "cpu_seconds": {
            "script": median([one.script.cpu_seconds for one in rounds]),
            "load": median([one.load.cpu_seconds for one in rounds]),
            "build": median([one.build.cpu_seconds for one in rounds]),
        },
        "peak_mb": {
            "script": max(one.script.peak_mb for one in rounds),
            "load": max(one.load.peak_mb for one in rounds),
            "build": max(one.build.peak_mb for one in rounds),
        },
        "targets": [
            Target(
                "Online Retail: load, build, publish against the script", ours / script, MOST_TIMES_THE_SCRIPT, "×"
            ).as_dict(),
            Target("Online Retail: peak memory", peak, MOST_MEMORY_MB, "MB").as_dict(),
        ],
    }
