"""Builds and publishes: starts the child process that makes the build, follows it, and moves the pointer."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import asdict, replace
from datetime import date
from types import MappingProxyType
from typing import Any

from customer360 import __version__
from customer360.build.carrying import hash_models
from customer360.build.monitoring import History
from customer360.build.snapshots import land_snapshots
from customer360.clock import Clock, utc_now
from customer360.errors import BuildFailed, Conflict, NotFound, Unavailable
from customer360.lake import count_source_rows, live_batches, parquet_path, read_manifests
from customer360.settings import (
    SEMANTIC_MODELS,
    ResourceSettings,
    WorkspaceSettings,
    environment_of,
    memory_limit,
    project_files,
)
from customer360.warehouse import BuildRecord, Builds, open_builds
from customer360.warehouse.builds import Batch
from customer360.workspace import Workspace

Progress = Callable[[str, int, int], None]


def silent(*_: object) -> None:
    """Watch nothing."""


def build_and_publish(
    workspace: Workspace,
    resources: ResourceSettings,
    settings: WorkspaceSettings,
    *,
    as_of: date | None = None,
    anew: bool = False,
    history: History = MappingProxyType({}),
    models: Mapping[str, str] = MappingProxyType({}),
    churn_days: int = BuildRecord.churn_days,
    clock: Clock = utc_now,
    progress: Progress = silent,
) -> BuildRecord:
    """Build from the live batches, check, publish and prune; what was served stays served until the pointer moves.

    The facts of the published build are carried over where new batches only add to them, unless ``anew``.
    ``history`` is what the operational store knows; the build keeps it in MONITORING. ``models`` are the versions that
    score its customers, and ``churn_days`` how far the one of churn looks ahead.

    Raises:
        BuildFailed: the build did not pass; the details name the failing rows.
        WorkspaceBusy: another process writes.
        NotFound: nothing was loaded yet.
    """
    dataset = workspace.describe()["definition"]
    with closing(open_builds(workspace)) as builds, builds.writing() as lock:
        builds.sweep()
        _land_what_was_left(builds, clock)
        copy_lake(builds, lambda name: progress(name, 0, 0))
        manifests = live_batches(workspace)
        batches = [manifest.batch_id for manifest in manifests]
        if not batches:
            raise NotFound("No file has landed yet.", next_action="customer360 load … lands some.")
        record = replace(
            builds.new(dataset, batches, __version__, clock),
            source_rows=count_source_rows(manifests),
            models_sha256=hash_models(),
            models=dict(models),
            churn_days=churn_days,
        )
        for name in SEMANTIC_MODELS:
            file = f"{name}.yaml"
            shutil.copyfile(project_files("semantic") / file, builds.folder(record.build_id) / file)
        base = None if anew else _published(builds)
        order = _order(workspace, record, resources, as_of, history=history, base=base)
        outcome = _run_child(workspace, record, order, resources.build_nice, lock=lock, progress=progress)
        finished = clock().isoformat(timespec="milliseconds")
        if outcome["event"] == "failed":
            _keep_verdict(builds, replace(record, status="failed", finished_at=finished, failures=outcome["failures"]))
            failure = BuildFailed(
                outcome["message"],
                details=outcome["failures"],
                next_action=outcome["next"]
                or "What was published before stays served. Correct the data or the model and build again; "
                f"customer360 builds show {record.build_id} shows this verdict again.",
            )
            failure.build_id = record.build_id
            raise failure
        passed = replace(
            record,
            status="passed",
            finished_at=finished,
            as_of_date=outcome["as_of_date"],
            carried_from=outcome["carried_from"],
            made_anew_because=outcome["made_anew_because"],
            appended_builds=base.appended_builds + 1 if base and outcome["carried_from"] else 0,
            tables=outcome["tables"],
            durations=outcome["durations"],
        )
        builds.write(passed)
        builds.publish(record.build_id, clock)
        land_snapshots(workspace, passed, clock)
        builds.prune(settings.keep_builds)
        return passed


def copy_lake(builds: Builds, progress: Callable[[str], None]) -> None:
    """Bring the lake to where builds read it; the caller is the only writer.

    Raises:
        Unavailable: the engine gave no answer; nothing was copied, and the next load or build goes on.
    """
    builds.copy_bronze(_batches(builds.workspace), progress)


def _batches(workspace: Workspace) -> Iterator[Batch]:
    """Yield every batch of the lake; nothing is read where nobody asks."""
    for manifest in read_manifests(workspace):
        files = {table: parquet_path(workspace, table, manifest.batch_id) for table in manifest.tables}
        yield Batch(asdict(manifest), files)


def _land_what_was_left(builds: Builds, clock: Clock) -> None:
    """Finish what a process did not that was killed right after it published."""
    if published := _published(builds):
        land_snapshots(builds.workspace, published, clock)


def _published(builds: Builds) -> BuildRecord | None:
    with suppress(Unavailable, Conflict):
        return builds.get(builds.current_id())
    return None


def _order(
    workspace: Workspace,
    record: BuildRecord,
    resources: ResourceSettings,
    as_of: date | None,
    *,
    history: History,
    base: BuildRecord | None,
) -> dict[str, Any]:
    """Return what the child is told, as JSON."""
    return {
        "models": record.models,
        "home": str(workspace.home.resolve()),
        "engine": "snowflake" if workspace.account else "duckdb",
        "record": asdict(record),
        "base": asdict(base) if base else None,
        "as_of": as_of.isoformat() if as_of else None,
        "history": dict(history),
        "threads": resources.build_threads or os.cpu_count() or 1,
        "memory": memory_limit(resources.build_memory),
    }


def _run_child(
    workspace: Workspace, record: BuildRecord, order: dict[str, Any], nice: int, *, lock: int, progress: Progress
) -> dict[str, Any]:
    """Run the child and return its last word; the child shares the writer's lock, so that none starts beside it."""
    log = workspace.builds / record.build_id / "child.log"
    command = [sys.executable, "-m", "customer360.build.child"]
    with (
        log.open("wb") as errors,
        subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            pass_fds=(lock,),
            env=os.environ | (environment_of(workspace.account) if workspace.account else {}),
        ) as child,
    ):
        assert child.stdin and child.stdout  # noqa: S101  (both are pipes)
        os.setpriority(os.PRIO_PROCESS, child.pid, max(nice, os.nice(0)))
        child.stdin.write(json.dumps(order, default=str) + "\n")
        child.stdin.flush()
        outcome = _follow(child.stdout, progress)
    if outcome is None:
        raise _died(child.returncode, log.read_text(errors="replace"))
    return outcome


def _follow(lines: Any, progress: Progress) -> dict[str, Any] | None:
    outcome: dict[str, Any] | None = None
    for line in lines:
        if not line.startswith("{"):
            continue
        message = json.loads(line)
        if message["event"] == "node":
            progress(message["name"], message["done"], message["total"])
        else:
            outcome = message
    return outcome


def _died(returncode: int, log: str) -> Exception:
    tail = "\n".join(log.strip().splitlines()[-5:])
    if "No space left" in log:
        return Unavailable(
            "The disk is full, so the build could not be written.",
            code="disk_full",
            next_action="Free some space and build again; what was published stays served.",
        )
    return BuildFailed(
        f"The building process ended with {returncode}: {tail or 'it was stopped from outside'}",
        next_action="What was published before stays served; build again.",
    )


def _keep_verdict(builds: Builds, record: BuildRecord) -> None:
    builds.write(record)
    builds.discard(record.build_id)
