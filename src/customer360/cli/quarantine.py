"""customer360 quarantine: rows that cannot be used, why, and landing them anew once they are corrected."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from customer360.cli.console import Json, print_json, print_table, progress, say
from customer360.cli.context import open_builds, workspace
from customer360.errors import InvalidInput

if TYPE_CHECKING:
    from customer360.ingest.corrections import Correction
    from customer360.ingest.quarantine import Quarantine, Reject
    from customer360.warehouse import OpenBuild

HELP = """
Look at the rows that cannot be used, correct them and land them anew.

    customer360 quarantine list --table transactions
    customer360 quarantine show 1f0c44a6b2d97e38
    customer360 quarantine replay 1f0c44a6b2d97e38 --set customer_id=C1
    customer360 build

A row that only lacks what has not landed yet, such as its customer, needs no correction: every build judges it anew.
"""

app = typer.Typer(help=HELP, no_args_is_help=True)

RejectId = Annotated[str, typer.Argument(help="Id of the row, as customer360 quarantine list shows it.")]


@app.command("list")
def list_rejected(
    table: Annotated[str, typer.Option(help="Only rows of this bronze table, such as transactions.")] = "",
    reason: Annotated[str, typer.Option(help="Only rows that break this rule, such as customer_known.")] = "",
    state: Annotated[str, typer.Option(help="quarantined, replayed or all.")] = "quarantined",
    limit: Annotated[int, typer.Option(min=1, help="Most rows to show; all are counted.")] = 20,
    as_json: Json = False,
) -> None:
    """List the rows that the published build could not use, those that landed last first, and count them by rule.

    Example: customer360 quarantine list --table transactions --reason customer_known
    """
    from customer360.ingest import quarantine  # noqa: PLC0415

    with _published() as build:
        found = quarantine.list_rejects(build, table=table, reason=reason, state=state, limit=limit)
        unread = quarantine.list_unread_batches(workspace(), build)
    waiting = quarantine.read_corrected(workspace())
    if as_json:
        print_json(_describe(found, unread, waiting))
    else:
        _show_list(found, unread, waiting)


@app.command()
def show(reject_id: RejectId, as_json: Json = False) -> None:
    """Show one row: its values, what it breaks, where it came from, and the command that corrects it.

    Example: customer360 quarantine show 1f0c44a6b2d97e38
    """
    from customer360.ingest import quarantine  # noqa: PLC0415

    with _published() as build:
        reject = quarantine.get_rejects(build, [reject_id])[reject_id]
    kept = quarantine.find_kept_file(workspace(), reject)
    batch = _replayed_by(reject, quarantine.read_corrected(workspace()))
    if as_json:
        described = _describe_reject(reject, batch) | {"build_id": build.build_id, "values": reject.values}
        print_json(described | {"kept_file": kept, "replay": _command(reject)})
        return
    say(f"{reject.reject_id}: {reject.table_name}, {_state(reject, batch)}, as of build {build.build_id}")
    say(f"It breaks {reject.reason_code.replace(',', ', ')}: {escape(reject.reject_reason)}.\n")
    print_table(["column", "value"], [[name, _text(value)] for name, value in reject.values.items()])
    say(f"\nFrom {escape(reject.source_file)}, line {reject.source_line}, batch {reject.batch_id}.")
    say(f"Kept as received: {escape(str(kept))}" if kept else "The file is no longer kept.")
    if batch is None:
        say(f"\nNext, with the right values: {escape(_command(reject))}")


@app.command()
def replay(
    reject_id: Annotated[str | None, typer.Argument(help="Id of the row; left out with --from.")] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="column=value, once for each column to correct; an empty value means null."),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option("--from", help='JSON lines {"reject_id": "…", "set": {"column": "value"}}; - for standard input.'),
    ] = None,
    as_json: Json = False,
) -> None:
    """Correct rows and land them anew, all in one batch or none; the next build uses them.

    The row as it came stays in bronze and in quarantine, marked as replayed. A row can be corrected once: where that
    was wrong too, the next build puts the new row in quarantine, with an id of its own.

    Example: customer360 quarantine replay 1f0c44a6b2d97e38 --set customer_id=C1 --set quantity=2
    """
    from customer360.build.pipeline import run_replay  # noqa: PLC0415

    corrections = _corrections(reject_id, settings or [], source)
    with progress("Landing") as step:
        replayed = run_replay(workspace(), corrections, progress=step)
    if as_json:
        print_json({"ok": True, **asdict(replayed)})
        return
    rows = ", ".join(f"{count:,} of {table}" for table, count in replayed.rows.items())
    say(f"[green]✓[/] Landed what was corrected ({rows}) as {replayed.batch_id}.")
    say("Next: customer360 build, which uses the rows that break no rule any more.")


def _corrections(reject_id: str | None, settings: list[str], source: str | None) -> list[Correction]:
    from customer360.ingest.corrections import Correction, parse_changes, parse_corrections  # noqa: PLC0415

    if source is not None and not (reject_id or settings):
        return parse_corrections(_read(source).splitlines())
    if source is None and reject_id and settings:
        return [Correction(reject_id, parse_changes(settings))]
    raise InvalidInput(
        "replay needs either a row with --set, or --from FILE.",
        next_action="customer360 quarantine replay 1f0c44a6b2d97e38 --set customer_id=C1",
    )


def _read(source: str) -> str:
    try:
        return sys.stdin.read() if source == "-" else Path(source).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(
            f"--from {source} cannot be read.",
            next_action="Name a file of JSON lines in UTF-8, or - for standard input.",
        ) from error


@contextmanager
def _published() -> Iterator[OpenBuild]:
    builds = open_builds()
    try:
        with builds.pin() as build:
            yield build
    finally:
        builds.close()


# Showing


def _describe(found: Quarantine, unread: list[str], waiting: dict[str, str]) -> dict[str, Any]:
    reasons = [
        {"table_name": table, "reason_code": reason, "rows": rows} for (table, reason), rows in _sorted(found.reasons)
    ]
    return {
        "build_id": found.build_id,
        "states": found.states,
        "quarantined": reasons,
        "rejects": [_describe_reject(reject, _replayed_by(reject, waiting)) for reject in found.rejects],
        "returned": len(found.rejects),
        "available": found.matching,
        "unread_batches": unread,
    }


def _describe_reject(reject: Reject, batch: str | None) -> dict[str, Any]:
    """Return a reject as a program reads it; ``awaits_build`` is one that was corrected since the build."""
    described = {name: value for name, value in asdict(reject).items() if name != "payload"}
    return described | {"replayed_by_batch_id": batch, "awaits_build": batch != reject.replayed_by_batch_id}


def _show_list(found: Quarantine, unread: list[str], waiting: dict[str, str]) -> None:
    states = ", ".join(f"{rows:,} {state}" for state, rows in sorted(found.states.items())) or "no row is in quarantine"
    say(f"As of build {found.build_id}: {states}.")
    counted = [[table, reason, f"{rows:,}"] for (table, reason), rows in _sorted(found.reasons)]
    if counted:
        print_table(["table", "rule", "rows in quarantine"], counted, right=(2,))
    if found.rejects:
        say("")
        rows = [_row(reject, waiting) for reject in found.rejects]
        columns = ["id", "row", "rules it breaks", "came from", "replayed in"]
        shown = len(columns) if any(row[-1] for row in rows) else len(columns) - 1
        print_table(columns[:shown], [row[:shown] for row in rows], whole=(0,))
        say(f"[dim]{len(found.rejects):,} of {found.matching:,} rows[/]")
    elif found.states:
        say("None of them is as asked for.")
    if unread:
        batches = "1 batch has" if len(unread) == 1 else f"{len(unread):,} batches have"
        say(f"[yellow]![/] {batches} landed that no build has read yet: customer360 build")
    if found.rejects:
        say(f"Next: customer360 quarantine show {found.rejects[0].reject_id}")


def _sorted(reasons: dict[tuple[str, str], int]) -> list[tuple[tuple[str, str], int]]:
    return sorted(reasons.items(), key=lambda counted: (-counted[1], counted[0]))


def _row(reject: Reject, waiting: dict[str, str]) -> list[str]:
    batch = _replayed_by(reject, waiting)
    return [
        reject.reject_id,
        f"{reject.table_name} {_text(reject.record_key)}",
        reject.reason_code.replace(",", ", "),
        f"{reject.source_file}, {reject.source_line}",
        (batch or "") + ("" if batch == reject.replayed_by_batch_id else ", awaits a build"),
    ]


def _replayed_by(reject: Reject, waiting: dict[str, str]) -> str | None:
    return reject.replayed_by_batch_id or waiting.get(reject.reject_id)


def _state(reject: Reject, batch: str | None) -> str:
    if batch is None:
        return reject.state
    return f"replayed in {batch}" + ("" if reject.replayed_by_batch_id else ", awaits a build")


def _command(reject: Reject) -> str:
    """Return the command that corrects a row, with the values it has in the columns that its reasons name."""
    named = set(re.findall(r"\w+", reject.reject_reason))
    values = {name: value for name, value in reject.values.items() if name in named} or reject.values
    settings = (shlex.quote(f"{name}={'' if value is None else value}") for name, value in values.items())
    return f"customer360 quarantine replay {reject.reject_id} " + " ".join(f"--set {setting}" for setting in settings)


def _text(value: Any) -> str:
    return "–" if value is None else str(value)
