"""customer360 build, builds, rollback and runs."""

from __future__ import annotations

import os
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from customer360.cli.alerts import sending_alerts
from customer360.cli.console import Json, print_json, print_table, progress, say
from customer360.cli.context import open_builds, workspace
from customer360.errors import Unavailable
from customer360.settings import ResourceSettings, WorkspaceSettings
from customer360.settings import load as load_settings

if TYPE_CHECKING:
    from customer360.warehouse import BuildRecord, Builds
    from customer360.warehouse.compare import TableDifference

app = typer.Typer(help="List, show, compare and prune builds.", invoke_without_command=True)

FACTS = "gold.fct_transactions"
BuildId = Annotated[str, typer.Argument(help="Id of a build, as customer360 builds lists it.")]


@sending_alerts()
def build(
    as_of: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Day to call today; default: the newest transaction."),
    ] = None,
    anew: Annotated[
        bool, typer.Option("--anew", help="Read every batch again, and carry nothing over from the published build.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Build every table from the live batches, check them, and publish when all checks pass.

    Where new batches only add to the facts of the published build, those are carried over and only what is new is read.
    Readers go on with the published build until the new one is complete; a build that fails changes nothing for them.
    """
    os.nice(load_settings(ResourceSettings).build_nice)  # this process only waits; whoever reads goes first
    record = make(as_of, anew=anew)
    if as_json:
        print_json(asdict(record))
        return
    rows = record.tables.get(FACTS, {}).get("rows", 0)
    seconds = sum(record.durations.values())
    say(
        f"[green]✓[/] Published {record.build_id}: {rows:,} transactions as of {record.as_of_date}, in {seconds:.1f} s."
    )
    if record.carried_from:
        say(f"Facts were carried over from {record.carried_from}; only what has landed since was read.")
    elif record.made_anew_because:
        say(f"Every batch was read, because {record.made_anew_because}.")
    say("Next: customer360 serve, or customer360 query --metrics customer_count,total_spend --by country")


def make(as_of: datetime | None = None, *, anew: bool = False) -> BuildRecord:
    """Build with progress and return what was published."""
    from customer360.build.pipeline import run_build  # noqa: PLC0415

    settings, resources = load_settings(WorkspaceSettings), load_settings(ResourceSettings)
    with progress("Building") as step:
        day = as_of.date() if as_of else None
        return run_build(workspace(), resources, settings, as_of=day, anew=anew, progress=step)


def make_if_needed() -> BuildRecord | None:
    """Build where what is published is not made of what has landed; ``None`` where it is."""
    from customer360.build.pipeline import needs_build  # noqa: PLC0415

    return make() if needs_build(workspace()) else None


@app.callback()
def builds(ctx: typer.Context, as_json: Json = False) -> None:
    """List the builds of the workspace, newest first; * marks the published one."""
    if ctx.invoked_subcommand:
        return
    known = open_builds()
    current, records = _current(known), known.records()
    if as_json:
        print_json([asdict(record) | {"published": record.build_id == current} for record in records])
        return
    rows = [_row(record, record.build_id == current) for record in records]
    print_table(["", "build", "verdict", "as of", "transactions", "seconds", "batches"], rows, right=(4, 5, 6))


@app.command()
def show(build_id: BuildId, as_json: Json = False) -> None:
    """Show one build: its tables, how long each phase took, and what spoke against it."""
    record = open_builds().get(build_id)
    if as_json:
        print_json(asdict(record))
        return
    say(f"{record.build_id}: {record.status}, as of {record.as_of_date or '–'}, {len(record.batches)} batches")
    print_table(["table", "rows"], [[name, f"{t['rows']:,}"] for name, t in record.tables.items()], right=(1,))
    print_table(["phase", "seconds"], [[k, f"{v:.2f}"] for k, v in record.durations.items()], right=(1,))
    for failure in record.failures:
        print_table(["check", "failure"], [[failure.get("field", ""), failure.get("message", "")]])
        for row in failure.get("value") or []:
            say(f"  {row}")


@app.command()
def diff(before: BuildId, after: BuildId, as_json: Json = False) -> None:
    """Compare two builds value for value: rows added, removed and changed in each table."""
    from customer360.warehouse.compare import diff_builds  # noqa: PLC0415

    differences = diff_builds(open_builds(), before, after)
    if as_json:
        print_json([asdict(difference) | {"same": difference.is_same} for difference in differences])
        return
    print_table(
        ["table", "before", "after", "added", "removed", "changed", "changed values by column"],
        [_difference(difference) for difference in differences],
        right=(1, 2, 3, 4, 5),
    )


@app.command()
def prune(
    keep: Annotated[int | None, typer.Option(min=1, help="How many builds to keep; default: the setting.")] = None,
    as_json: Json = False,
) -> None:
    """Remove old builds, sparing the published one and those that somebody reads."""
    settings = load_settings(WorkspaceSettings)
    known = open_builds()
    with known.writing():
        removed = known.prune(keep or settings.keep_builds)
    if as_json:
        print_json({"removed": removed})
    say(f"Removed {len(removed)} builds{': ' + ', '.join(removed) if removed else ''}.")


def rollback(
    build_id: Annotated[str | None, typer.Argument(help="Build to go back to; default: the one before.")] = None,
    as_json: Json = False,
) -> None:
    """Publish an older build again: one swap of the pointer, no data is touched."""
    known = open_builds()
    with known.writing():
        target = build_id or known.before_current()
        known.publish(target)
    if as_json:
        print_json({"published": target})
    say(f"[green]✓[/] Published {target} again.")


def runs(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many of the newest runs.")] = 20,
    as_json: Json = False,
) -> None:
    """List the newest loads and builds: when, how long, how they ended."""
    from customer360.store import Store  # noqa: PLC0415

    workspace().describe()
    recorded = Store.beside(workspace().store).list_runs(limit)
    if as_json:
        columns = ("run_id", "kind", "subject", "status", "started_at", "finished_at", "detail")
        print_json([{name: getattr(run, name) for name in columns} for run in recorded])
        return
    rows = [
        [
            f"{run.started_at:%Y-%m-%d %H:%M:%S}",
            run.kind,
            run.subject,
            run.status,
            f"{(run.finished_at - run.started_at).total_seconds():.1f}" if run.finished_at else "–",
            str(run.detail.get("error", ""))[:80],
        ]
        for run in recorded
    ]
    print_table(["started (UTC)", "run", "dataset", "status", "seconds", ""], rows, right=(4,))


def _current(known: Builds) -> str | None:
    try:
        return known.current_id()
    except Unavailable:
        return None


def _row(record: BuildRecord, is_current: bool) -> list[str]:
    rows = record.tables.get(FACTS, {}).get("rows")
    return [
        "*" if is_current else "",
        record.build_id,
        record.status,
        record.as_of_date or "–",
        f"{rows:,}" if rows is not None else "–",
        f"{_seconds(record):.1f}",
        f"{len(record.batches):,}",
    ]


def _seconds(record: BuildRecord) -> float:
    started = datetime.fromisoformat(record.started_at)
    finished = datetime.fromisoformat(record.finished_at) if record.finished_at else started
    return (finished.astimezone(UTC) - started.astimezone(UTC)).total_seconds()


def _difference(difference: TableDifference) -> list[str]:
    counts = (difference.rows_before, difference.rows_after, difference.added, difference.removed, difference.changed)
    columns = ", ".join(f"{name} {count:,}" for name, count in difference.columns.items())
    return [
        difference.table,
        *("–" if n is None else f"{n:,}" for n in counts),
        "same" if difference.is_same else columns,
    ]
