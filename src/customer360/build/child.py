"""The one process that makes a build: dbt, the gate, dropping what must not stay, a clean close.

It is started by :mod:`customer360.build.runner`, opens the build's file alone and talks to its parent in JSON lines on
standard output. It ends when its parent does: end of file on standard input means that nobody waits any more.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import duckdb

from customer360.build import carrying, dbt, monitoring
from customer360.build.carrying import Start
from customer360.build.snapshots import write_snapshots
from customer360.errors import BuildFailed
from customer360.lake import Manifest, create_bronze_views, find_damage, read_manifests
from customer360.warehouse import BuildRecord, Builds
from customer360.warehouse.builds import FILE
from customer360.workspace import Workspace

NEWEST_TRANSACTION = """
select max(transaction_date) from bronze.transactions
where transaction_id is not null and transaction_date <= cast(_loaded_at as date) + 1
"""


_ONE_LINE_AT_A_TIME = threading.Lock()


def main() -> int:
    """Make the build that standard input's first line describes; exit 0 when it passed its gate."""
    order = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        _report(event="result", **make_build(order))
    except BuildFailed as failure:
        _report(event="failed", message=failure.message, next=failure.next_action, failures=failure.details)
        return 1
    return 0


def make_build(order: dict[str, Any], report: Callable[..., None] | None = None) -> dict[str, Any]:
    """Fill the build's file and check it; returns what it started from, tables and durations.

    Raises:
        BuildFailed: a model or a check failed; the details name the failing rows.
    """
    report = report or _report
    record, workspace = BuildRecord(**order["record"]), Workspace(Path(order["home"]))
    folder = workspace.builds / record.build_id
    durations: dict[str, float] = {}
    with _timed(durations, "bronze"):
        start = _open_bronze(workspace, record, folder / FILE, order)
    run = dbt.run(folder, record.dataset, start, order, report)
    durations |= run.durations
    with _timed(durations, "gate"):
        from customer360.build import gate  # noqa: PLC0415  (not in the way of the first model)

        gate.check(folder, run)
    with _timed(durations, "close"):
        tables = _close(folder, record, start.as_of_date, run.primary_keys)
    return asdict(start) | {"tables": tables, "durations": durations}


def _open_bronze(workspace: Workspace, record: BuildRecord, file: Path, order: dict[str, Any]) -> Start:
    """Settle what the build starts from, and create the views over exactly its batches."""
    wanted = set(record.batches)
    batches = [manifest for manifest in read_manifests(workspace) if manifest.batch_id in wanted]
    _refuse_damage(workspace, batches)
    base = BuildRecord(**order["base"]) if order["base"] else None
    start = settle(workspace, record, batches, base, order)
    if base and start.carried_from:
        carrying.copy_facts(Builds(workspace).folder(base.build_id) / FILE, file)
    with duckdb.connect(str(file)) as connection:
        create_bronze_views(connection, workspace, batches)
        carrying.create_view_to_build(connection, workspace, batches, base if start.carried_from else None)
        monitoring.create_tables(connection, order["history"] | {"batches": monitoring.describe_batches(batches)})
    return start


def settle(
    workspace: Workspace,
    record: BuildRecord,
    batches: list[Manifest],
    base: BuildRecord | None,
    order: dict[str, Any],
) -> Start:
    """Decide the day the build calls today, and whether it carries the facts of its base."""
    with duckdb.connect(config={"threads": order["threads"], "memory_limit": order["memory"]}) as connection:
        create_bronze_views(connection, workspace, batches)
        as_of = order["as_of"] or _newest_transaction(connection)
        if base is None:
            return Start(as_of)
        base_file = Builds(workspace).folder(base.build_id) / FILE
        reason = carrying.why_anew(connection, base_file, base, record, as_of)
        return Start(as_of, None if reason else base.build_id, reason)


def _newest_transaction(connection: duckdb.DuckDBPyConnection) -> str:
    [(newest,)] = connection.execute(NEWEST_TRANSACTION).fetchall()
    if newest is None:
        raise BuildFailed(
            "No transaction has a date, so the build has no as-of date.",
            next_action="Load transactions, or give the date: customer360 build --as-of 2026-01-31.",
        )
    return str(newest.isoformat())


def _refuse_damage(workspace: Workspace, batches: list[Manifest]) -> None:
    damage = find_damage(workspace, batches)
    if damage:
        raise BuildFailed(
            f"{len(damage)} files of bronze are not what their manifests say.",
            details=[{"field": str(path), "value": path.stem, "message": fault} for path, fault in damage.items()],
            next_action="Restore lake/ from a backup, or load the data into a new workspace.",
        )


def _close(
    folder: Path, record: BuildRecord, as_of: str, primary_keys: dict[str, list[str]]
) -> dict[str, dict[str, Any]]:
    """Note what must be remembered, drop the views that read bronze, and write everything to the one file."""
    with duckdb.connect(str(folder / FILE)) as connection:
        monitoring.record_dbt(connection, folder / "dbt")
        write_snapshots(connection, folder, record, as_of)
        connection.execute("drop schema bronze cascade")
        connection.execute("drop schema if exists carried cascade")
        views = "select view_name from duckdb_views() where schema_name = 'silver' and not internal"
        for (view,) in connection.execute(views).fetchall():
            connection.execute(f'drop view silver."{view}"')
        counts = {name: connection.table(name).count("*").fetchall()[0][0] for name in primary_keys}
        connection.execute("checkpoint")
    return {name: {"rows": counts[name], "primary_key": key} for name, key in sorted(primary_keys.items())}


@contextmanager
def _timed(durations: dict[str, float], phase: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    durations[phase] = round(time.perf_counter() - start, 3)


def _report(**message: Any) -> None:
    line = json.dumps(message, default=str) + "\n"
    with _ONE_LINE_AT_A_TIME:
        sys.stdout.write(line)
        sys.stdout.flush()


def _end_with_parent() -> None:
    while sys.stdin.readline():
        pass
    os._exit(75)


if __name__ == "__main__":
    sys.exit(main())
