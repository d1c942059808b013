"""The commands' common frame: names, help, settings from flags, and the one place that catches errors."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from customer360 import __version__
from customer360.cli import (
    alerts,
    ask,
    builds,
    changes,
    churn,
    data,
    demo_api,
    deploy,
    doctor,
    ingest,
    learning,
    migrate,
    quarantine,
    query,
    semantic,
    serving,
    setup,
    upkeep,
    value,
)
from customer360.cli.console import out, print_error, speak_to_people
from customer360.errors import Customer360Error

HELP = """
Who is this customer, and what do the figures say? Customer360 lands files, builds audited tables from them and
serves answers, on one machine.

The usual way:

    customer360 load online_retail --from PATH    land files (the same file never twice)
    customer360 build                             build, check, publish
    customer360 query --metrics total_spend --by country
    customer360 ask "spend by month in 2025"      the same in plain English
    customer360 serve                             API on 8000, pages on 8501

or all of it at once: customer360 up. A workspace is a folder (CUSTOMER360_HOME, default ./.customer360).
"""


class _Commands(TyperGroup):
    """Turns our errors into a message and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except Customer360Error as error:
            print_error(error)
            raise typer.Exit(error.exit_code) from error


app = typer.Typer(
    cls=_Commands,
    help=HELP,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)


def _show_version(wanted: bool) -> None:
    if wanted:
        out.print(f"customer360 {__version__}")
        raise typer.Exit


@app.callback()
def root(
    home: Annotated[Path | None, typer.Option(help="Folder of the workspace; default CUSTOMER360_HOME.")] = None,
    _version: Annotated[
        bool, typer.Option("--version", help="Show the version.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    speak_to_people()
    if home is not None:
        os.environ["CUSTOMER360_HOME"] = str(home)  # wins over .env, reaches config.toml and the processes we start


app.command("up", rich_help_panel="Everything")(serving.up)
app.command("generate", rich_help_panel="Data")(data.generate)
app.command("demo-api", rich_help_panel="Data")(demo_api.demo_api)
app.command("upload", rich_help_panel="Data")(data.upload)
app.command("load", rich_help_panel="Data")(data.load)
app.command("ingest", rich_help_panel="Data")(ingest.ingest)
app.command("refresh", rich_help_panel="Data")(upkeep.refresh)
app.command("retention", rich_help_panel="Data")(upkeep.retention)
app.command("build", rich_help_panel="Builds")(builds.build)
app.add_typer(builds.app, name="builds", rich_help_panel="Builds")
app.command("learn", rich_help_panel="Builds")(learning.learn)
app.command("rollback", rich_help_panel="Builds")(builds.rollback)
app.command("runs", rich_help_panel="Builds")(builds.runs)
app.add_typer(alerts.app, name="alerts", rich_help_panel="Builds")
app.add_typer(quarantine.app, name="quarantine", rich_help_panel="Builds")
app.command("ask", rich_help_panel="Answers")(ask.ask)
app.command("query", rich_help_panel="Answers")(query.query)
app.add_typer(changes.app, name="changes", rich_help_panel="Answers")
app.add_typer(churn.app, name="churn", rich_help_panel="Answers")
app.add_typer(value.app, name="value", rich_help_panel="Answers")
app.command("serve", rich_help_panel="Answers")(serving.serve)
app.add_typer(semantic.app, name="semantic", rich_help_panel="Elsewhere")
app.add_typer(setup.app, name="setup", rich_help_panel="Elsewhere")
app.add_typer(deploy.app, name="deploy", rich_help_panel="Elsewhere")
app.command("migrate", rich_help_panel="Elsewhere")(migrate.migrate)
app.command("doctor", rich_help_panel="Help")(doctor.doctor)
