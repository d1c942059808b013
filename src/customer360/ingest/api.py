"""The whole path from a source behind an API: fetch, land, judge, count, export."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from customer360.clock import Clock, utc_now
from customer360.ingest import api_report
from customer360.ingest.api_client import ApiClient
from customer360.ingest.api_cursor import Cursors, cursor_path
from customer360.ingest.api_judge import Batches, Judgement, Outcome, judged
from customer360.ingest.api_log import LOGGER, RunLog, logging_run
from customer360.ingest.api_report import Figures
from customer360.ingest.api_run import IngestRun, Progress, fetch_and_land, state_path
from customer360.ingest.api_sources import ApiSourceFolder
from customer360.lake import sweep
from customer360.workspace import Workspace

CUSTOMERS_FILE, SUMMARY_FILE = "processed_customers.json", "summary_report.json"


@dataclass(frozen=True)
class IngestReport:
    """What a run found and where it was written."""

    run: IngestRun
    outcomes: list[Outcome]
    """What became of the records of each endpoint in each of its tables."""
    figures: Figures
    requests: dict[str, Any]
    files: list[Path]
    seconds: dict[str, float] = field(default_factory=dict)


def ingest(
    workspace: Workspace,
    folder: ApiSourceFolder,
    address: str,
    *,
    out: Path | None = None,
    afresh: bool = False,
    known: pa.Table | None = None,
    clock: Clock = utc_now,
    progress: Progress = lambda *_: None,
    log_level: str = "INFO",
) -> IngestReport:
    """Land every record that a source gives, and export its customers; a run that was cut off is finished first.

    ``known`` has what a build knows of customers (:func:`api_report.nothing_known`); the rest is drawn.
    ``afresh`` forgets a run that was cut off and how far the source was read; what landed stays. What happens is
    written to ``logs/pipeline.log``.

    Raises:
        InvalidSetting: a variable with a secret is empty.
        Unavailable: the source gave no usable answer; what came before has landed, and the next run goes on behind it.
        AccessRefused: the source refuses the credentials.
        SourceRefused: the source refuses a request, a record drifts where its contract freezes, or a mapping fails.
        WorkspaceBusy: another process writes.
    """
    seconds: dict[str, float] = {}
    target = out or workspace.home / "exports" / folder.source.name
    with workspace.writing(), logging_run(workspace, log_level, folder.source.secrets) as log:
        client = ApiClient(folder.source, address)
        sweep(workspace)
        if afresh:
            _forget(workspace, folder)
        with _timed(seconds, "fetch and land"):
            run = fetch_and_land(
                workspace, folder, client, clock=clock, progress=progress, started=lambda begun: _log_start(log, begun)
            )
        with _timed(seconds, "judge and export"), _judged(workspace, folder, run) as judgement:
            outcomes = _count(judgement, folder, run)
            judgement.connection.register("known", known if known is not None else api_report.nothing_known())
            figures = api_report.sum_up(judgement.connection, outcomes)
            exported_at = f"{clock():%Y-%m-%dT%H:%M:%SZ}"
            api_report.export_customers(judgement.connection, target / CUSTOMERS_FILE, figures, exported_at)
            values = api_report.counts_of(judgement.connection)
        report = IngestReport(
            run, outcomes, figures, asdict(client.counts), [target / CUSTOMERS_FILE, target / SUMMARY_FILE], seconds
        )
        api_report.write_summary(target / SUMMARY_FILE, _statistics(report) | {"values": values})
        _log_end(figures, report.requests, target)
    return report


def _forget(workspace: Workspace, folder: ApiSourceFolder) -> None:
    """Let the next run begin at the first page of everything."""
    cursor_path(workspace, folder.source.name).unlink(missing_ok=True)
    state_path(workspace, folder.source.name).unlink(missing_ok=True)


def _judged(workspace: Workspace, folder: ApiSourceFolder, run: IngestRun) -> AbstractContextManager[Judgement]:
    earlier = Cursors.read(workspace, folder.source, run.address).earlier(run.run_id)
    return judged(workspace, Batches(run.batches, earlier))


def _count(judgement: Judgement, folder: ApiSourceFolder, run: IngestRun) -> list[Outcome]:
    fetched = {name: endpoint.records for name, endpoint in run.endpoints.items()}
    return judgement.count(fetched, {endpoint.name: endpoint.tables for endpoint in folder.source.endpoints})


def _statistics(report: IngestReport) -> dict[str, Any]:
    run = report.run
    return {
        "run": {"run_id": run.run_id, "source": run.source, "address": run.address, "resumed": run.resumed},
        "records": asdict(report.figures),
        "endpoints": describe_endpoints(report),
        "api": report.requests,
        "seconds": report.seconds,
    }


def describe_endpoints(report: IngestReport) -> dict[str, dict[str, Any]]:
    """Return what each endpoint gave, what drifted from its contract, and what became of its records per table."""
    return {
        name: {
            "pages": endpoint.pages,
            "records": endpoint.records,
            "since": endpoint.since,
            "drifts": [asdict(drift) for drift in endpoint.drifts],
            "tables": {
                outcome.table: {"records": outcome.records} | asdict(outcome)
                for outcome in report.outcomes
                if outcome.endpoint == name
            },
        }
        for name, endpoint in report.run.endpoints.items()
    }


def _log_start(log: RunLog, run: IngestRun) -> None:
    log.run_id = run.run_id
    LOGGER.info("run %s: %s at %s", "goes on" if run.resumed else "started", run.source, run.address)


def _log_end(figures: Figures, requests: dict[str, Any], target: Path) -> None:
    LOGGER.info(
        "records: %d fetched, %d landed, %d duplicates, %d quarantined",
        *(figures.records, figures.landed, figures.duplicates, figures.quarantined),
    )
    LOGGER.info(
        "quality: %s; missing: %s; e-mail addresses that are none: %d",
        *(_listed(figures.buckets), _listed(figures.missing), figures.invalid_emails),
    )
    LOGGER.info(
        "requests: %d, %d of them again, %d throttled, %.1f s in all; failures: %s",
        *(requests["requests"], requests["retries"], requests["throttled"], requests["seconds"]),
        _listed(requests["failures"]),
    )
    LOGGER.info("run ended: exported to %s", target)


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {number}" for name, number in counts.items()) or "none"


@contextmanager
def _timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    seconds[stage] = round(time.perf_counter() - started, 3)
    LOGGER.info("stage: %s took %.3f s", stage, seconds[stage])
