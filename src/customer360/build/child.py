"""The one process that makes a build: dbt, the gate, dropping what must not stay, a clean close.

It is started by :mod:`customer360.build.runner`, works alone on a build that nobody sees yet, and talks to its parent
in JSON lines on standard output. It ends when its parent does: end of file on standard input means that nobody waits.
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

from customer360.build import dbt, monitoring
from customer360.build.making import Made, Making
from customer360.errors import Customer360Error
from customer360.lake import read_manifests
from customer360.settings import SEMANTIC_MODELS, SnowflakeSettings, load
from customer360.warehouse import BuildRecord
from customer360.workspace import Workspace

_ONE_LINE_AT_A_TIME = threading.Lock()


def main() -> int:
    """Make the build that standard input's first line describes; exit 0 when it passed its gate."""
    order = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        _report(event="result", **make_build(order))
    except Customer360Error as failure:
        _report(event="failed", message=failure.message, next=failure.next_action, failures=failure.details)
        return 1
    return 0


def make_build(order: dict[str, Any], report: Callable[..., None] | None = None) -> dict[str, Any]:
    """Make a build's tables and check them; returns what it started from, tables and durations.

    Raises:
        BuildFailed: a model or a check failed; the details name the failing rows.
    """
    report = report or _report
    record, workspace = BuildRecord(**order["record"]), Workspace(Path(order["home"]))
    making = _making(workspace, record, order)
    folder = workspace.builds / record.build_id
    wanted = set(record.batches)
    batches = [manifest for manifest in read_manifests(workspace) if manifest.batch_id in wanted]
    history = order["history"] | {"batches": monitoring.describe_batches(batches)}
    base = BuildRecord(**order["base"]) if order["base"] else None
    durations: dict[str, float] = {}
    with _timed(durations, "bronze"):
        start = making.begin(batches, base, order["as_of"], history)
    score = _scoring(workspace, order["models"], making) if order["models"] else None
    run = dbt.run(folder, record.dataset, start, making, report, score=score)
    durations |= run.durations
    with _timed(durations, "gate"), making.asking() as warehouse:
        from customer360.build import gate, snapshots  # noqa: PLC0415  (not in the way of the first model)

        gate.check(warehouse, [folder / f"{name}.yaml" for name in SEMANTIC_MODELS], run, making.schema_suffix)
        snapshots.write_snapshots(warehouse, making.schema_suffix, folder, record, start.as_of_date)
    with _timed(durations, "close"):
        counts = making.finish(Made(run.primary_keys, run.passing_views), monitoring.read_dbt(folder / "dbt"))
    tables = {name: {"rows": counts[name], "primary_key": key} for name, key in sorted(run.primary_keys.items())}
    return asdict(start) | {"tables": tables, "durations": durations}


def _scoring(workspace: Workspace, models: dict[str, str], making: Making) -> Callable[[], None]:
    """Return what scores the customers of the build; the models are read first, since they may be damaged."""
    from customer360.build import scoring  # noqa: PLC0415  (scikit-learn takes a second to import)

    using = scoring.load_models(workspace, models)

    def score() -> None:
        with making.asking() as warehouse:
            tables = scoring.score(warehouse, making.schema_suffix, using)
        making.keep_scores(tables)

    return score


def _making(workspace: Workspace, record: BuildRecord, order: dict[str, Any]) -> Making:
    if order["engine"] == "snowflake":
        from customer360.build.snowflake_making import SnowflakeMaking  # noqa: PLC0415  (an extra)

        return SnowflakeMaking(load(SnowflakeSettings), record)
    from customer360.build.duckdb_making import DuckDBMaking  # noqa: PLC0415

    return DuckDBMaking(workspace, record, threads=order["threads"], memory=order["memory"])


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
