"""Load and build as runs that the operational store remembers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

from customer360.build.runner import Progress, build_and_publish, silent
from customer360.ingest import DatasetFolder, LoadReport, load_dataset, remap_dataset
from customer360.settings import ResourceSettings, WorkspaceSettings
from customer360.store import Store
from customer360.warehouse import BuildRecord
from customer360.workspace import Workspace


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
    progress: Progress = silent,
) -> BuildRecord:
    """Build and publish; the run is recorded."""
    dataset = str(workspace.describe()["dataset"])
    with Store.beside(workspace.store).recording("build", dataset) as detail:
        record = build_and_publish(workspace, resources, settings, as_of=as_of, progress=progress)
        detail.update(build_id=record.build_id, durations=record.durations)
        return record
