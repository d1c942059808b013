"""Load and build as runs that the operational store remembers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from customer360.build.runner import Progress, build_and_publish, silent
from customer360.errors import Unavailable
from customer360.ingest import DatasetFolder, LoadReport, load_dataset, remap_dataset
from customer360.lake import count_source_rows, read_manifests
from customer360.settings import ResourceSettings, WorkspaceSettings
from customer360.store import PipelineRun, Store
from customer360.warehouse import BuildRecord, Builds
from customer360.workspace import Workspace

RUNS_KEPT = 1000
"""How many of the newest runs a build copies into MONITORING."""


def run_load(
    workspace: Workspace,
    folder: DatasetFolder,
    path: Path | None,
    *,
    replace: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> LoadReport:
    """Land the files at ``path``, or map the kept ones anew where it is ``None``; the run is recorded."""
    with Store.beside(workspace.store).recording("load", folder.dataset.name) as detail:
        if path is None:
            report = remap_dataset(workspace, folder, progress=progress)
        else:
            report = load_dataset(workspace, folder, path, replace=replace, progress=progress)
        detail.update(
            landed=len(report.landed),
            unchanged=len(report.unchanged),
            refused=[refusal.message for refusal in report.refused],
            rows=sum(manifest.rows for manifest in report.landed),
        )
        return report


def run_build(
    workspace: Workspace,
    resources: ResourceSettings,
    settings: WorkspaceSettings,
    *,
    as_of: date | None = None,
    anew: bool = False,
    progress: Progress = silent,
) -> BuildRecord:
    """Build and publish; the run is recorded. ``anew`` reads every batch, whatever is built already."""
    dataset = str(workspace.describe()["dataset"])
    store = Store.beside(workspace.store)
    runs = [_ended(run) for run in store.list_runs(RUNS_KEPT) if run.finished_at]
    with store.recording("build", dataset) as detail:
        record = build_and_publish(workspace, resources, settings, as_of=as_of, anew=anew, runs=runs, progress=progress)
        detail.update(build_id=record.build_id, durations=record.durations)
        return record


def needs_build(workspace: Workspace) -> bool:
    """Tell whether what is published is not made of what has landed, as after a build that failed or was killed."""
    builds = Builds(workspace)
    try:
        published = builds.get(builds.current_id())
    except Unavailable:
        return True
    landed = count_source_rows(read_manifests(workspace))
    return published.source_rows != landed or published.dataset != workspace.describe()["definition"]


def _ended(run: PipelineRun) -> dict[str, Any]:
    names = ("run_id", "kind", "subject", "status", "started_at", "finished_at")
    seconds = (run.finished_at - run.started_at).total_seconds() if run.finished_at else None
    return {**{name: getattr(run, name) for name in names}, "seconds": seconds}
