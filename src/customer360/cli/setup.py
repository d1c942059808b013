"""customer360 setup snowflake: ask for what the account needs, write it to .env, and see whether all is well."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from dotenv import dotenv_values
from pydantic import SecretStr
from rich.markup import escape

from customer360.cli.console import Json, print_json, print_table, say, warn
from customer360.cli.env_file import refuse_unsafe, write_env
from customer360.errors import InvalidInput, InvalidSetting
from customer360.settings import SnowflakeSettings, SnowflakeSetupSettings, load

if TYPE_CHECKING:
    from customer360.warehouse.snowflake_checks import Finding

ENV_FILE = Path(".env")
MARKS = {"ok": "✓", "due": "→", "fault": "✗"}
ASKED = ("account", "user", "authenticator", "role", "warehouse", "database", "connection_name")
SECRETS = ("password", "private_key_passphrase", "token", "passcode")
FILES = ("private_key_path", "token_file_path")
ADDRESS = ("host", "port", "protocol")
"""Never asked for; changed only where .env has them and a connection of one's own takes their place."""

app = typer.Typer(help="Answer what the product needs to know.", no_args_is_help=True)


@app.callback()
def setup() -> None:
    """Answer what the product needs to know."""


@app.command()
def snowflake(
    validate_only: Annotated[
        bool, typer.Option("--validate-only", help="Ask nothing and write nothing; only check.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Ask how to reach Snowflake, try each answer, write .env, and check what the product needs there.

    Enter keeps what is set already; Ctrl-C leaves .env as it was. Secrets are typed unseen. Other lines of .env stay,
    and only you can read the file. Exit code 1 when a check finds a fault.

    Example: customer360 setup snowflake, later customer360 setup snowflake --validate-only --json
    """
    if not validate_only:
        _refuse_without_person(as_json)
        _ask_and_write()
    from customer360.warehouse.snowflake_checks import check_account  # noqa: PLC0415

    _report(list(check_account(load(SnowflakeSettings), load(SnowflakeSetupSettings))), as_json)


def _refuse_without_person(as_json: bool) -> None:
    if as_json:
        raise InvalidInput("Questions are for people, and --json is for programs.", next_action="Add --validate-only.")
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise InvalidInput(
            "There is no terminal to ask on.",
            code="no_terminal",
            next_action="Set the variables SNOWFLAKE_… of .env.template in .env or the environment, then run "
            "customer360 setup snowflake --validate-only.",
        )


def _ask_and_write() -> None:
    from customer360.cli.account_questions import ask_account  # noqa: PLC0415  (the connector's second)
    from customer360.warehouse.snowflake_login import connector  # noqa: PLC0415

    connector()
    refuse_unsafe(ENV_FILE)
    present = _present()
    say(
        f"Answers go to {escape(str(ENV_FILE.absolute()))}. Enter keeps the present value; Ctrl-C leaves all as it was."
    )
    if present.host:
        say(f"The sign-in goes to {present.protocol}://{present.host}:{present.port}, as SNOWFLAKE_HOST says.")
    try:
        answers = ask_account(present)
    except (KeyboardInterrupt, EOFError, typer.Exit):
        warn("\nStopped; .env is as it was.")
        raise
    for note in write_env(ENV_FILE, _changes(present, answers)):
        warn(note)
    say(f"[green]✓[/] {ENV_FILE} is written; only you can read it.\n")
    _warn_of_others(answers)


def _present() -> SnowflakeSettings:
    """Return what is set now; what does not fit is named and asked for anew."""
    try:
        return load(SnowflakeSettings)
    except InvalidSetting as error:
        wrong = {detail["field"] for detail in error.details}
        warn(error.message)
    fields = SnowflakeSettings.model_fields
    return load(SnowflakeSettings, **{name: f.get_default() for name, f in fields.items() if f.alias in wrong})


def _changes(present: SnowflakeSettings, answers: SnowflakeSettings) -> dict[str, str]:
    """Return what .env should say; a secret that was kept stays where it is, be that the environment."""
    held = dotenv_values(ENV_FILE)
    fields = [
        *ASKED,
        *FILES,
        *(field for field in SECRETS if getattr(answers, field) != getattr(present, field)),
        *(field for field in ADDRESS if _variable(field) in held),
    ]
    return {_variable(field): _plain(answers, field) for field in fields}


def _warn_of_others(answers: SnowflakeSettings) -> None:
    """Name what another source says otherwise, since that is what the product will use."""
    now = load(SnowflakeSettings)
    others = [_variable(field) for field in (*ASKED, *FILES, *SECRETS) if _plain(now, field) != _plain(answers, field)]
    if others:
        warn(
            f"{', '.join(others)}: set otherwise in the environment, which wins over .env, or in config.toml. "
            "Remove it there for your answer to count."
        )


def _variable(field: str) -> str:
    return str(SnowflakeSettings.model_fields[field].alias)


def _plain(settings: SnowflakeSettings, field: str) -> str:
    value = getattr(settings, field)
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)


def _report(findings: Sequence[Finding], as_json: bool) -> None:
    faults = [finding for finding in findings if finding.state == "fault"]
    if as_json:
        print_json({"ok": not faults, "checks": [finding._asdict() for finding in findings]})
    else:
        print_table(["", "check", "found", "to do"], [[MARKS[f.state], f.name, f.found, f.fix] for f in findings])
        say(_summary(findings, faults))
    if faults:
        raise typer.Exit(1)


def _summary(findings: Sequence[Finding], faults: Sequence[Finding]) -> str:
    if faults:
        return f"\n[red]✗[/] Not ready: {', '.join(finding.name for finding in faults)}."
    due = [finding.fix for finding in findings if finding.state == "due"]
    return f"\n[green]✓[/] Snowflake answers. Next: {due[0]}" if due else "\n[green]✓[/] Snowflake is ready."
