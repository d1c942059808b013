"""Load, replay and build as runs that the operational store remembers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from customer360.build import alerting
from customer360.build.monitoring import History, types_of
from customer360.build.runner import Progress, build_and_publish, copy_lake, silent
from customer360.errors import Unavailable
from customer360.ingest import DatasetFolder, LoadReport, load_dataset, remap_dataset
from customer360.lake import count_source_rows, read_manifests
from customer360.settings import ResourceSettings, WorkspaceSettings, simulated_weights
from customer360.store import Alert, ApiMetric, PipelineRun, QueryRecord, Store
from customer360.warehouse import BuildRecord, open_builds
from customer360.workspace import Workspace

if TYPE_CHECKING:
    import pyarrow as pa

    from customer360.ingest.api import IngestReport
    from customer360.ingest.api_sources import ApiSourceFolder
    from customer360.ingest.corrections import Correction
    from customer360.ingest.replaying import Replay

ENGAGEMENT = "gold.customer_engagement"
KNOWN = """
select xref.source_customer_id, {columns}, known.is_simulated
from gold{suffix}.customer_xref as xref
inner join gold{suffix}.customer_engagement as known on xref.customer_id = known.customer_id
where xref.source_system = {mark}1 and coalesce(known.simulated_fields, '') <> {mark}2
"""
INGEST = "ingest"
ROWS_COPIED = 1000
"""How many of the newest rows of a table of the operational store a build copies into MONITORING."""


def run_load(
    workspace: Workspace,
    folder: DatasetFolder,
    path: Path | None,
    *,
    replace: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> LoadReport:
    """Land the files at ``path``, or map the kept ones anew where it is ``None``; run and alerts are recorded."""
    store = Store.beside(workspace.store)
    with store.recording("load", folder.dataset.name) as detail:
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
    alerting.note_load(store, path, report)
    if workspace.account and report.batches:
        _copy(workspace, progress)
    return report


def run_replay(
    workspace: Workspace, corrections: Sequence[Correction], *, progress: Callable[[str], None] = lambda _: None
) -> Replay:
    """Land rejected rows anew, as corrected; the run is recorded, what was set is not."""
    from customer360.ingest.replaying import replay  # noqa: PLC0415

    store = Store.beside(workspace.store)
    with store.recording("replay", str(workspace.describe()["dataset"])) as detail:
        replayed = replay(workspace, corrections)
        detail.update(batch_id=replayed.batch_id, rows=sum(replayed.rows.values()))
    if workspace.account:
        _copy(workspace, progress)
    return replayed


def _copy(workspace: Workspace, progress: Callable[[str], None]) -> None:
    with closing(open_builds(workspace)) as builds, builds.writing():
        copy_lake(builds, progress)


def run_ingest(
    workspace: Workspace,
    folder: ApiSourceFolder,
    address: str,
    *,
    out: Path | None = None,
    afresh: bool = False,
    progress: Callable[[str, int], None] = lambda *_: None,
    log_level: str = "INFO",
) -> IngestReport:
    """Land what a source behind an API gives; the run is recorded, and what it counted goes into MONITORING."""
    from customer360.ingest.api import ingest  # noqa: PLC0415  (dlt takes a second to import)

    store = Store.beside(workspace.store)
    with store.recording(INGEST, folder.source.name) as detail:
        report = ingest(
            workspace,
            folder,
            address,
            out=out,
            afresh=afresh,
            known=known_customers(workspace, folder.source.name),
            progress=progress,
            log_level=log_level,
        )
        detail.update(
            pages=sum(endpoint.pages for endpoint in report.run.endpoints.values()),
            records_fetched=report.figures.records,
            records_landed=report.figures.landed,
            duplicates=report.figures.duplicates,
            records_rejected=report.figures.quarantined,
            reasons=report.figures.reasons,
            drifts=[
                {"endpoint": name} | asdict(drift)
                for name, endpoint in report.run.endpoints.items()
                for drift in endpoint.drifts
            ],
            errors=sum(report.requests["failures"].values()),
        )
    if workspace.account:
        _copy(workspace, lambda name: progress(name, 0))
    return report


def known_customers(workspace: Workspace, source: str) -> pa.Table | None:
    """Return the customers of a source of whom the published build knows something that is not drawn."""
    with closing(open_builds(workspace)) as builds:
        try:
            current = builds.current_id()
        except Unavailable:
            return None
        with builds.pin(current) as build:
            if ENGAGEMENT not in build.record.tables:
                return None
            names = ", ".join(simulated_weights())
            statement = KNOWN.format(columns=names, suffix=build.schema_suffix, mark=build.mark)
            return build.warehouse.query(statement, [source, names])


def run_build(
    workspace: Workspace,
    resources: ResourceSettings,
    settings: WorkspaceSettings,
    *,
    as_of: date | None = None,
    anew: bool = False,
    progress: Progress = silent,
) -> BuildRecord:
    """Build and publish; run and alerts are recorded. ``anew`` reads every batch, whatever is built already."""
    dataset = str(workspace.describe()["dataset"])
    store = Store.beside(workspace.store)
    history = _history(store)
    with alerting.watching(store, dataset), store.recording("build", dataset) as detail:
        record = build_and_publish(
            workspace,
            resources,
            settings,
            as_of=as_of,
            anew=anew,
            history=dict(history) | {"churn_models": _known_models(workspace)},
            models=_models_in_use(workspace),
            churn_days=_churn_days(workspace),
            progress=progress,
        )
        detail.update(build_id=record.build_id, durations=record.durations)
    alerting.note_passed(store, workspace, record)
    return record


def needs_build(workspace: Workspace) -> bool:
    """Tell whether what is published is not made of what has landed, or scored by other models than are in use."""
    with closing(open_builds(workspace)) as builds:
        try:
            published = builds.get(builds.current_id())
        except Unavailable:
            return True
    landed = count_source_rows(read_manifests(workspace))
    made_of_others = published.source_rows != landed or published.dataset != workspace.describe()["definition"]
    return made_of_others or published.models != _models_in_use(workspace)


def _models_in_use(workspace: Workspace) -> dict[str, str]:
    if not workspace.models.is_dir():
        return {}
    from customer360.build.scoring import versions_in_use  # noqa: PLC0415  (scikit-learn takes a second to import)

    return versions_in_use(workspace)


def _churn_days(workspace: Workspace) -> int:
    if not workspace.models.is_dir():
        return BuildRecord.churn_days
    from customer360.build.scoring import days_ahead  # noqa: PLC0415

    return days_ahead(workspace)


def _known_models(workspace: Workspace) -> list[dict[str, Any]]:
    if not workspace.models.is_dir():
        return []
    from customer360.build.scoring import list_models  # noqa: PLC0415

    return list_models(workspace)


def _history(store: Store) -> History:
    """Return what the build will know of the operational store: runs that ended, alerts, queries and requests."""
    ended = [run for run in store.list_runs(ROWS_COPIED) if run.finished_at]
    newest = {
        "pipeline_runs": ended,
        "alerts": store.list_newest(Alert.alert_id, ROWS_COPIED),
        "query_performance": store.list_newest(QueryRecord.asked_at, ROWS_COPIED),
        "api_metrics": store.list_newest(ApiMetric.metric_id, ROWS_COPIED),
    }
    copied = {
        table: [{name: getattr(row, name) for name in types_of(table)} for row in rows]
        for table, rows in newest.items()
    }
    return copied | {"ingestion_runs": [_ingestion(run) for run in ended if run.kind == INGEST]}


def _ingestion(run: PipelineRun) -> dict[str, Any]:
    """Return a run over a source as a row of MONITORING.INGESTION_RUNS; what it counted is in its detail."""
    said = {"run_id": run.run_id, "source_system": run.subject, "status": run.status}
    times = {"started_at": run.started_at, "finished_at": run.finished_at}
    counted = {name: run.detail.get(name) for name in types_of("ingestion_runs") if name not in said | times}
    return said | times | counted
