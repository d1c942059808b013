"""customer360 deploy snowflake: bring an account up to date with the files of infra/snowflake."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from customer360.cli.console import Json, print_json, print_table, progress, say
from customer360.settings import SnowflakeSettings, SnowflakeSetupSettings, load

if TYPE_CHECKING:
    from customer360.warehouse.deployment import Step

app = typer.Typer(help="Set up what runs elsewhere.", no_args_is_help=True)


@app.callback()
def deploy() -> None:
    """Set up what runs elsewhere."""


@app.command()
def snowflake(
    plan: Annotated[bool, typer.Option("--plan", help="Say what would run, in order, and change nothing.")] = False,
    only: Annotated[list[str] | None, typer.Option(help="Run only this file; may be given again.")] = None,
    wanted: Annotated[
        list[str] | None, typer.Option("--with", help="Run an optional part too: s3, git, cortex or tasks.")
    ] = None,
    emulator: Annotated[
        bool, typer.Option("--emulator", help="The account is fakesnow: read, but do not run, what it cannot.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Make database, tables, stages, roles and rights on Snowflake, or bring them up to date.

    Each file of infra/snowflake runs once and is recorded; a run that was cut goes on where it stopped. A file that ran
    may not change: a change is a new file. Where SNOWFLAKE_ROLE is empty each file runs in the role that it names.

    Example: customer360 deploy snowflake --plan, then customer360 deploy snowflake
    """
    database, steps = run(wanted or (), only or (), plan=plan, emulator=emulator)
    if as_json:
        print_json({"database": database, "emulator": emulator, "files": [_describe(s) for s in steps]})
        return
    print_table(["file", "state", "", "makes"], [_row(step) for step in steps])
    say(_summary(steps, database, planned=plan))


def run(
    wanted: Sequence[str] = (), only: Sequence[str] = (), *, plan: bool = False, emulator: bool = False
) -> tuple[str, list[Step]]:
    """Deploy with progress; returns the database and what happened to each file."""
    from customer360.warehouse.deployment import Target, values_of  # noqa: PLC0415
    from customer360.warehouse.deployment import deploy as deploy_to  # noqa: PLC0415
    from customer360.warehouse.snowflake_sessions import open_session  # noqa: PLC0415

    account = load(SnowflakeSettings)
    target = Target(values_of(account, load(SnowflakeSetupSettings)), frozenset(wanted), account.role, emulator)
    bare = account.model_copy(update={"database": "", "warehouse": "", "schema_name": ""})  # none may be there yet
    with progress("Deploying") as step:
        steps = deploy_to(lambda: open_session(bare), target, only=only, dry_run=plan, progress=step)
    return target.values["database"], steps


def _describe(step: Step) -> dict[str, Any]:
    migration = step.migration
    return {
        "file": migration.name,
        "state": step.state,
        "reason": step.reason,
        "seconds": step.seconds,
        "makes": migration.makes,
        "role": migration.role,
    }


def _row(step: Step) -> list[str]:
    state = "parsed, not executed" if step.state == "parsed only" else step.state
    return [step.migration.name, state, step.reason, step.migration.makes]


def _summary(steps: list[Step], database: str, *, planned: bool) -> str:
    if planned:
        return f"{sum(step.state == 'due' for step in steps)} files would run on {database}; nothing was changed."
    ran = sum(step.state == "applied" and step.reason != "earlier" for step in steps)
    parsed = sum(step.state == "parsed only" and step.reason != "earlier" for step in steps)
    skipped = f" {parsed} were parsed, not executed: the emulator cannot run them." if parsed else ""
    return f"[green]✓[/] {database} is up to date: {ran} files ran.{skipped}"
