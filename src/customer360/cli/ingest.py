"""customer360 ingest: customers from a source behind a REST API."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from customer360.cli.console import Json, print_json, print_table, progress, say, warn
from customer360.cli.context import workspace
from customer360.errors import Customer360Error
from customer360.settings import LogSettings, load

if TYPE_CHECKING:
    from customer360.ingest.api import IngestReport
    from customer360.ingest.api_contract import Drift
    from customer360.ingest.api_judge import Outcome


def ingest(
    source: Annotated[str, typer.Argument(help="A shipped source (reqres, dummyjson) or the folder of one.")],
    base_url: Annotated[
        str | None, typer.Option(help="Another address than the variable <SOURCE>_BASE_URL or source.yml says.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the two files; default exports/ of the workspace.")
    ] = None,
    afresh: Annotated[
        bool,
        typer.Option(
            "--afresh", help="Forget how far the source was read, and a run that was cut off: read everything."
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Fetch every record of a source, land it, say what became of each, and export the customers.

    Failures are tried again after 1, 2 and 4 seconds, a 429 after as long as the server says. A run that dies goes on
    where it stopped when the command is run again. Where a source says how, later runs ask only for what changed. What
    happens is kept in logs/pipeline.log of the workspace; CUSTOMER360_LOG_LEVEL=DEBUG adds each request. Records
    fetched = landed + duplicates + quarantined.

    Example: customer360 demo-api, and in another shell: customer360 ingest reqres
    """
    from customer360.build.pipeline import run_ingest  # noqa: PLC0415
    from customer360.ingest.api_log import log_path  # noqa: PLC0415
    from customer360.ingest.api_sources import find_api_source  # noqa: PLC0415

    folder, log = find_api_source(source), log_path(workspace())
    address, origin = folder.source.address(base_url)
    level = load(LogSettings).level
    if not as_json:
        say(f"Asking {address} (said by {origin}).")
    try:
        with progress("Fetching", lines=True) as step:
            report = run_ingest(
                workspace(),
                folder,
                address,
                out=out,
                afresh=afresh,
                progress=lambda name, done: step(f"{name}: {done:,}"),
                log_level=level,
            )
    except Customer360Error:
        warn(f"What happened before is in {log}")
        raise
    if as_json:
        print_json(_describe(report))
    else:
        _show(report)


def _describe(report: IngestReport) -> dict[str, object]:
    from customer360.ingest.api import describe_endpoints  # noqa: PLC0415

    return {
        "ok": True,
        "run": asdict(report.run),
        "records": asdict(report.figures),
        "endpoints": describe_endpoints(report),
        "api": report.requests,
        "files": [str(file) for file in report.files],
        "seconds": report.seconds,
    }


def _show(report: IngestReport) -> None:
    figures, api = report.figures, report.requests
    if report.run.resumed:
        say("Went on behind what an earlier run had landed.")
    for name, endpoint in report.run.endpoints.items():
        if endpoint.since is not None:
            say(f"{name}: {endpoint.records or 'nothing'} changed since {endpoint.since}.")
    say(
        f"[green]✓[/] {figures.records:,} records: {figures.landed:,} landed, {figures.duplicates:,} duplicates, "
        f"{figures.quarantined:,} quarantined; {figures.customers:,} customers exported."
    )
    columns = [
        "endpoint",
        "table",
        "records",
        "landed",
        "duplicates",
        "quarantined",
        *["reasons"] * bool(figures.reasons),
    ]
    print_table(columns, [_row(outcome)[: len(columns)] for outcome in report.outcomes], right=(2, 3, 4, 5))
    _show_drifts(report)
    print_table(["quality", "customers"], [[name, f"{rows:,}"] for name, rows in figures.buckets.items()], right=(1,))
    failures = ", ".join(f"{reason}: {number}" for reason, number in sorted(api["failures"].items())) or "none"
    say(f"{api['requests']:,} requests, {api['retries']:,} of them again; failures: {failures}.")
    for file in report.files:
        say(f"Wrote {file}")


def _row(outcome: Outcome) -> list[str]:
    numbers = (outcome.records, outcome.landed, outcome.duplicates, outcome.quarantined)
    reasons = ", ".join(f"{reason}: {rows:,}" for reason, rows in outcome.reasons.items())
    return [outcome.endpoint, outcome.table, *(f"{number:,}" for number in numbers), reasons]


def _show_drifts(report: IngestReport) -> None:
    rows = []
    for name, endpoint in report.run.endpoints.items():
        dropped = [drift.field for drift in endpoint.drifts if _is_dropped(drift)]
        if dropped:
            say(f"{name}: dropped what source.yml does not declare: {_listed(dropped)}.")
        rows += [
            [name, drift.field, drift.kind.replace("_", " "), drift.found, f"{drift.records:,}", drift.mode]
            for drift in endpoint.drifts
            if not _is_dropped(drift)
        ]
    if rows:
        say("Fields that are not as source.yml declares them:")
        print_table(["endpoint", "field", "what", "first is", "records", "done"], rows, right=(4,))


def _is_dropped(drift: Drift) -> bool:
    return (drift.kind, drift.mode) == ("new_field", "discard_value")


def _listed(names: list[str], most: int = 5) -> str:
    return ", ".join(names[:most]) + (", …" if len(names) > most else "")
