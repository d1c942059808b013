"""customer360 doctor: is everything in order, and if not, what to do."""

from __future__ import annotations

import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, Literal, NamedTuple

import typer

from customer360.cli.console import Json, print_json, print_table
from customer360.cli.context import pinned, workspace
from customer360.errors import Customer360Error
from customer360.settings import (
    CONCERNS,
    AlertSettings,
    AppSettings,
    SnowflakeSettings,
    SnowflakeSetupSettings,
    WorkspaceSettings,
    load,
)

LEAST_FREE_BYTES = 2 << 30


class Check(NamedTuple):
    """One thing that was looked at; ``fix`` says what to do where it is not in order."""

    name: str
    ok: bool
    found: str
    fix: str = ""


def doctor(
    engine: Annotated[
        Literal["duckdb", "snowflake"] | None,
        typer.Option(help="duckdb: this machine; snowflake: the account alone; default: what the settings need."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Check the set-up, the workspace and the published build; exit code 1 when something needs doing.

    With --engine snowflake: the connector, the settings, the sign-in, role, warehouse and database, and whether the
    account is set up, each with the statement or command that puts it right.
    """
    checks = [check for group in _groups(engine) for check in _guarded(group)]
    if as_json:
        print_json({"ok": all(check.ok for check in checks), "checks": [check._asdict() for check in checks]})
    else:
        marks = {True: "✓", False: "✗"}
        print_table(["", "check", "found", "to do"], [[marks[c.ok], c.name, c.found, c.fix] for c in checks])
    if not all(check.ok for check in checks):
        raise typer.Exit(1)


def _groups(engine: str | None) -> tuple[Callable[[], Iterator[Check]], ...]:
    if engine == "snowflake":
        return ACCOUNT
    on_account = engine is None and load(WorkspaceSettings).engine == "snowflake"
    return (*MACHINE, _snowflake) if on_account else MACHINE


def _guarded(group: Callable[[], Iterator[Check]]) -> Iterator[Check]:
    try:
        yield from group()
    except Customer360Error as error:
        yield Check(group.__name__.strip("_"), False, error.message, error.next_action)


def _python() -> Iterator[Check]:
    found = sys.version.split()[0]
    yield Check(
        "Python", sys.version_info >= (3, 11), found, "" if sys.version_info >= (3, 11) else "Use Python 3.11+."
    )
    for package in ("duckdb", "dbt-core", "dbt-duckdb", "streamlit", "fastapi"):
        try:
            yield Check(package, True, version(package))
        except PackageNotFoundError:
            yield Check(package, False, "missing", "Install the locked requirements: make setup.")


def _settings() -> Iterator[Check]:
    for concern in CONCERNS:
        load(concern)
    yield Check("settings", True, "readable")


def _disk() -> Iterator[Check]:
    home = workspace().home
    place = next(folder for folder in (home.resolve(), *home.resolve().parents) if folder.exists())
    free = shutil.disk_usage(place).free
    enough = free >= LEAST_FREE_BYTES
    yield Check("disk", enough, f"{free / 2**30:.1f} GiB free at {place}", "" if enough else "Free some space.")


def _workspace() -> Iterator[Check]:
    held = workspace().describe()
    yield Check("workspace", True, f"{workspace().home} holds {held['dataset']}")


def _store() -> Iterator[Check]:
    from customer360.store import Store  # noqa: PLC0415

    Store.beside(workspace().store).check()
    yield Check("store", True, "answers")


def _alerts() -> Iterator[Check]:
    from customer360.store import Store, list_alerts, list_undelivered  # noqa: PLC0415

    store = Store.beside(workspace().store)
    found = list_alerts(store)
    critical = sum(alert.severity == "critical" for alert in found)
    if load(AlertSettings).webhook.get_secret_value():
        sending = f"{len(list_undelivered(store))} to be sent"
    else:
        sending = "no webhook is set"
    todo = "customer360 alerts lists them." if found else ""
    yield Check("alerts", not critical, f"{len(found)} open, {critical} of them critical; {sending}", todo)


def _build() -> Iterator[Check]:
    from customer360.semantic import build_query  # noqa: PLC0415

    with pinned() as reading:
        answer = reading.ask(build_query(metrics=["customer_count"]))
        [count] = answer.table.column(0).to_pylist()
        yield Check("published build", True, f"{answer.build_id}, as of {answer.as_of_date}, {count:,} customers")


def _snowflake() -> Iterator[Check]:
    from customer360.warehouse.snowflake_checks import check_account  # noqa: PLC0415

    for finding in check_account(load(SnowflakeSettings), load(SnowflakeSetupSettings)):
        yield Check(finding.name, finding.state == "ok", finding.found, finding.fix)


def _ports() -> Iterator[Check]:
    settings = load(AppSettings)
    for name, port in (("API port", settings.port), ("pages' port", settings.ui_port)):
        free = port_is_free(settings.host, port)
        found = f"{settings.host}:{port} is {'free' if free else 'in use'}"
        yield Check(name, True, found + ("" if free else " (by a running service, perhaps ours)"))


def port_is_free(host: str, port: int) -> bool:
    """Tell whether a server could listen there."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


MACHINE = (_python, _settings, _disk, _workspace, _store, _alerts, _build, _ports)
ACCOUNT = (_python, _settings, _snowflake)
