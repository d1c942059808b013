"""The questions of ``customer360 setup snowflake``: each explained in a line, each answer checked as it is given.

Secrets are typed unseen and shown as *kept*; nothing here prints one. What Snowflake itself refuses can be corrected.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from functools import partial
from typing import Any, NamedTuple

import typer
from pydantic import SecretStr
from rich.prompt import Confirm, Prompt

from customer360.cli.console import out, progress, say, say_refusal
from customer360.cli.env_file import refuse_unwritable
from customer360.errors import Customer360Error, InvalidInput, InvalidSetting, NotFound
from customer360.settings import SnowflakeSettings, load
from customer360.warehouse.snowflake_checks import PLACES, Place, use
from customer360.warehouse.snowflake_login import (
    CREDENTIALS,
    DATABASE,
    USED_BY,
    WAREHOUSE,
    WITHOUT_USER,
    connect_arguments,
    connection_name,
    list_connections,
    read_private_key,
)
from customer360.warehouse.snowflake_sessions import open_session

NONE = "-"
"""What is typed for *none* where Enter would keep the present value."""

Check = Callable[[SnowflakeSettings], object]


class Question(NamedTuple):
    """A setting's question: its label, one line of explanation, and whether it may stay empty."""

    field: str
    label: str
    why: str
    optional: bool = False


class Method(NamedTuple):
    """A way to sign in: the connector's name for it, and what it means."""

    authenticator: str
    why: str


METHODS = {
    "password": Method("snowflake", "a password alone"),
    "mfa": Method("username_password_mfa", "a password and a second factor, by push"),
    "key": Method("snowflake_jwt", "a private key, for services and programs"),
    "token": Method("programmatic_access_token", "a programmatic access token"),
    "oauth": Method("oauth", "an OAuth token of your identity provider"),
    "browser": Method("externalbrowser", "single sign-on in the browser"),
}
ACCOUNT = Question("account", "Account", "As in the address before .snowflakecomputing.com: organisation-account.")
USER = Question("user", "User", "The name that signs in; for a service its own user, not a person's.")
PASSWORD = Question("password", "Password", "Of this user; typed unseen.")
KEY = Question("private_key_path", "Private key", "The file with the private key of the pair, in PEM form.")
PASSPHRASE = Question("private_key_passphrase", "Passphrase", "Opens the private key; typed unseen.")
TOKEN_FILE = Question(
    "token_file_path", "Token file", "The file that holds the token, read for every session; - to type the token.", True
)
TOKEN = Question("token", "Token", "The token itself; typed unseen.")
PLACE_QUESTIONS: dict[Place, Question] = {
    "role": Question("role", "Role", "The role of every session; - for the default role of the user.", optional=True),
    "warehouse": Question("warehouse", "Warehouse", "Runs the statements, and costs while it runs."),
    "database": Question("database", "Database", "Holds all schemas of Customer360."),
}
CLEARED = {"account": "", "user": "", "authenticator": "", "host": "", "port": 443, "protocol": "https"}
"""What a connection of one's own says itself."""


def ask_account(settings: SnowflakeSettings) -> SnowflakeSettings:
    """Ask for everything, sign in, and return settings that work, or that the person wants as they are.

    Raises:
        Exit: the person gave up.
    """
    while True:
        settings = _ask_way_in(settings)
        try:
            with progress("Signing in"):
                session = open_session(_without_places(settings))
        except Customer360Error as error:
            say_refusal(error)
            if not _wants_again(error):
                return _ask_places(settings, None)
        else:
            with closing(session):
                return _ask_places(settings, session)


def _wants_again(error: Customer360Error) -> bool:
    say("[dim]again: correct the answers; save: keep them unchecked; quit: leave .env as it was.[/]")
    answer = Prompt.ask("What now", console=out, choices=["again", "save", "quit"], default="again")
    if answer == "quit":
        raise typer.Exit(error.exit_code)
    return answer == "again"


def _without_places(settings: SnowflakeSettings) -> SnowflakeSettings:
    return settings.model_copy(update={"role": "", "warehouse": "", "database": "", "schema_name": ""})


def _with(settings: SnowflakeSettings, **changes: Any) -> SnowflakeSettings:
    """Return settings with other values, checked as those of the environment are.

    Raises:
        InvalidInput: a value does not fit.
    """
    try:
        return load(SnowflakeSettings, **(dict(settings) | changes))
    except InvalidSetting as error:
        fault = error.details[0]["message"].removeprefix("Value error, ")
        raise InvalidInput(f"That does not fit: {fault}.") from None


# The way in


def _ask_way_in(settings: SnowflakeSettings) -> SnowflakeSettings:
    settings = _ask_connection(settings)
    if settings.connection_name:
        return settings
    settings = _ask(settings, ACCOUNT)
    method = _ask_method(settings)
    unused = {field: "" for field in CREDENTIALS if field not in USED_BY[method]}
    settings = _with(settings, authenticator=method, **unused)
    if method not in WITHOUT_USER:
        settings = _ask(settings, USER)
    return _ask_credentials(settings, method)


def _ask_connection(settings: SnowflakeSettings) -> SnowflakeSettings:
    known = sorted(list_connections())
    present = connection_name(settings)
    if not known:
        return _with(settings, connection_name="")
    say("[dim]Your connections.toml can say how to sign in; - to answer here instead.[/]")
    default = present if present in known else NONE
    name = Prompt.ask("Connection", console=out, choices=[*known, NONE], default=default)
    if name == NONE:
        return _with(settings, connection_name="")
    return _with(settings, connection_name=name, **CLEARED, **dict.fromkeys(CREDENTIALS, ""))


def _ask_method(settings: SnowflakeSettings) -> str:
    for name, method in METHODS.items():
        say(f"[dim]  {name:9} {method.why}[/]")
    by_authenticator = {method.authenticator: name for name, method in METHODS.items()}
    default = by_authenticator.get(settings.authenticator or _implied(settings), "password")
    return METHODS[Prompt.ask("Sign in by", console=out, choices=list(METHODS), default=default)].authenticator


def _implied(settings: SnowflakeSettings) -> str:
    return "snowflake_jwt" if settings.private_key_path else "snowflake"


def _ask_credentials(settings: SnowflakeSettings, method: str) -> SnowflakeSettings:
    match method:
        case "snowflake" | "username_password_mfa":
            return _ask_secret(settings, PASSWORD)
        case "snowflake_jwt":
            return _ask_key(settings)
        case "oauth" | "programmatic_access_token":
            return _ask_token(settings)
    return settings


def _ask_key(settings: SnowflakeSettings) -> SnowflakeSettings:
    settings = _ask(settings, KEY, check=_needs_passphrase)
    if _needs_passphrase(settings):
        return _ask_secret(settings, PASSPHRASE, check=read_private_key)
    return _with(settings, private_key_passphrase="")


def _needs_passphrase(settings: SnowflakeSettings) -> bool:
    """Tell whether the key is encrypted; any other fault of the file is raised."""
    try:
        read_private_key(_with(settings, private_key_passphrase=""))
    except InvalidSetting as error:
        if error.details[0]["field"] == CREDENTIALS[PASSPHRASE.field]:
            return True
        raise
    return False


def _ask_token(settings: SnowflakeSettings) -> SnowflakeSettings:
    def is_readable(changed: SnowflakeSettings) -> None:
        if changed.token_file_path:
            connect_arguments(_with(changed, token=""))

    settings = _ask(settings, TOKEN_FILE, check=is_readable)
    return _with(settings, token="") if settings.token_file_path else _ask_secret(settings, TOKEN)


# Role, warehouse and database


def _ask_places(settings: SnowflakeSettings, session: Any | None) -> SnowflakeSettings:
    """Ask for what every session uses; without a session nothing can be tried."""
    own = list_connections().get(settings.connection_name, {}) if settings.connection_name else {}
    usual = {"role": "", "warehouse": WAREHOUSE, "database": DATABASE}
    for what in PLACES:
        default = str(getattr(settings, what) or own.get(what) or usual[what])
        settings = _ask(settings, PLACE_QUESTIONS[what], default=default, check=partial(_try, session, what))
    return settings


def _try(session: Any | None, what: Place, settings: SnowflakeSettings) -> None:
    name = getattr(settings, what)
    if session is None or not name:
        return
    try:
        use(session, what, name, role=settings.role)
    except NotFound as error:
        if what == "role":
            raise
        say_refusal(error)
        if not Confirm.ask("Keep it, for customer360 deploy snowflake to make", console=out, default=True):
            raise InvalidInput("Give another name.") from None


# One question


def _ask(
    settings: SnowflakeSettings, question: Question, *, default: str | None = None, check: Check | None = None
) -> SnowflakeSettings:
    """Ask until an answer fits, and return the settings with it."""
    present = str(getattr(settings, question.field)) if default is None else default
    while True:
        say(f"[dim]{question.why}[/]")
        answer = Prompt.ask(question.label, console=out, default=present, show_default=bool(present)).strip()
        try:
            return _answered(settings, question, answer, check)
        except Customer360Error as error:
            say_refusal(error)


def _ask_secret(settings: SnowflakeSettings, question: Question, *, check: Check | None = None) -> SnowflakeSettings:
    """Ask unseen until an answer fits; Enter keeps a secret that is there."""
    present: SecretStr = getattr(settings, question.field)
    kept = r" \[kept, Enter keeps it]" if present.get_secret_value() else ""
    while True:
        say(f"[dim]{question.why}[/]")
        answer = out.input(f"{question.label}{kept}: ", password=True) or present.get_secret_value()
        try:
            return _answered(settings, question, answer, check)
        except Customer360Error as error:
            say_refusal(error)


def _answered(settings: SnowflakeSettings, question: Question, answer: str, check: Check | None) -> SnowflakeSettings:
    value = "" if question.optional and answer == NONE else answer
    if not value and not question.optional:
        raise InvalidInput(f"{question.label} is needed.")
    refuse_unwritable(question.label, value)
    changed = _with(settings, **{question.field: value})
    if check is not None:
        check(changed)
    return changed
