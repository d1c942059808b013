"""Is Snowflake ready: what was looked at, what was found, and the statement or command that puts it right.

Checks come in the order in which faults must be mended. Nothing is changed on the account.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import Any, Literal, NamedTuple

from customer360.errors import Customer360Error, InvalidSetting, NotFound
from customer360.settings import SnowflakeSettings, SnowflakeSetupSettings, is_loopback
from customer360.warehouse.deployment import NOT_THERE, Step, Target, plan_on, values_of
from customer360.warehouse.migrations import IDENTIFIER
from customer360.warehouse.snowflake_errors import NO_ANSWER, explained_statement
from customer360.warehouse.snowflake_login import connect_arguments, connection_name, connector
from customer360.warehouse.snowflake_sessions import open_session

SECONDS = 30
"""How long each statement of a check may take."""

Place = Literal["role", "warehouse", "database"]
PLACES: tuple[Place, ...] = ("role", "warehouse", "database")
GRANTS = {
    "role": "Grant it: GRANT ROLE {name} TO USER {user};",
    "warehouse": "Make it: {deploy}. If it is there: GRANT USAGE ON WAREHOUSE {name} TO ROLE {role};",
    "database": "Make it: {deploy}. If it is there: GRANT USAGE ON DATABASE {name} TO ROLE {role};",
}
UNSET = "Set {variable}: customer360 setup snowflake asks for it."


class Finding(NamedTuple):
    """One thing that was looked at; ``due`` is no fault, it is the next step, and ``fix`` names it."""

    name: str
    state: Literal["ok", "due", "fault"]
    found: str
    fix: str = ""


def check_account(settings: SnowflakeSettings, setup: SnowflakeSetupSettings) -> Iterator[Finding]:
    """Yield what was found; where there is no way in, that is the last."""
    name = "connector"
    with ExitStack() as held:
        try:
            yield Finding(name, "ok", f"version {connector().__version__}")
            name = "account"
            arguments = connect_arguments(settings)
            yield Finding(name, "ok", _described(settings, arguments))
            name = "sign-in"
            session = held.enter_context(closing(open_session(settings)))
        except Customer360Error as error:
            yield Finding(name, "fault", error.message, error.next_action)
            return
        yield Finding(name, "ok", f"{arguments.get('user') or 'the owner of the token'} is let in")
        yield _round_trip(session)
        for what in PLACES:
            yield _place(session, what, arguments, deploy_command(settings))
        yield _set_up(session, settings, setup)


def use(session: Any, what: Place, name: str, *, role: str = "") -> None:
    """Take a role, warehouse or database for the session; ``role`` is the one it has, where it does not know.

    Raises:
        InvalidSetting: it cannot be a name.
        NotFound: there is none, or the role may not see it.
        AccessRefused: the user may not take the role.
    """
    if not re.fullmatch(IDENTIFIER, name):
        raise InvalidSetting(
            f"{name!r} cannot be a {what}.",
            next_action="Give a name of letters, digits, _ and $ that begins with a letter or _.",
        )
    try:
        with session.cursor() as cursor:
            cursor.execute(f"use {what} {name}", timeout=SECONDS)
    except connector().Error as error:
        if error.errno in NOT_THERE:
            raise NotFound(f"The {what} {name} is not there, or {_hidden(what, session.role or role)}.") from error
        raise explained_statement(error, role=session.role or role, seconds=SECONDS, elapsed=0) from error


def deploy_command(settings: SnowflakeSettings) -> str:
    """Return the command that sets the account up."""
    return f"customer360 deploy snowflake{' --emulator' if is_emulator(settings) else ''}"


def is_emulator(settings: SnowflakeSettings) -> bool:
    """Tell whether the settings lead to an emulator: Snowflake itself never listens on this machine."""
    return is_loopback(settings.host)


def _described(settings: SnowflakeSettings, arguments: dict[str, Any]) -> str:
    own = connection_name(settings)
    source = f"connection {own}: " if own else ""
    user = f", user {arguments['user']}" if arguments.get("user") else ""
    return f"{source}account {arguments.get('account', '')}{user}, by {arguments.get('authenticator') or 'password'}"


def _hidden(what: Place, role: str) -> str:
    if what == "role":
        return "not granted to the user"
    return f"hidden from {f'the role {role}' if role else 'the default role of the user'}"


def _round_trip(session: Any) -> Finding:
    started = time.monotonic()
    if not session.is_valid():
        return Finding("round trip", "fault", "Snowflake does not answer.", NO_ANSWER)
    return Finding("round trip", "ok", f"{(time.monotonic() - started) * 1000:.0f} ms")


def _place(session: Any, what: Place, arguments: dict[str, Any], deploy: str) -> Finding:
    name = arguments.get(what, "")
    if not name and what == "role":
        return Finding(what, "ok", session.role or "the default role of the user")
    if not name:
        return Finding(
            what, "fault", f"SNOWFLAKE_{what.upper()} is empty", UNSET.format(variable=f"SNOWFLAKE_{what.upper()}")
        )
    role = session.role or arguments.get("role", "")
    try:
        use(session, what, name, role=role)
    except InvalidSetting as error:
        return Finding(what, "fault", error.message, error.next_action)
    except Customer360Error as error:
        names = {"name": name, "user": arguments.get("user") or "…", "role": role or "…", "deploy": deploy}
        return Finding(what, "fault", error.message, GRANTS[what].format(**names))
    return Finding(what, "ok", name)


def _set_up(session: Any, settings: SnowflakeSettings, setup: SnowflakeSetupSettings) -> Finding:
    """Compare the record of what ran with the files of infra/snowflake."""
    name, command = "set up", deploy_command(settings)
    try:
        target = Target(values_of(settings, setup), role=settings.role, emulator=is_emulator(settings))
        steps = plan_on(session, target)
    except Customer360Error as error:
        return Finding(name, "fault", error.message, error.next_action)
    return _progress(steps, target.values["database"], command)


def _progress(steps: list[Step], database: str, command: str) -> Finding:
    due = sum(step.state == "due" for step in steps)
    ran = sum(step.state in ("applied", "parsed only") for step in steps)
    if not ran:
        return Finding("set up", "due", f"{database} is not set up yet", command)
    if due:
        return Finding(
            "set up", "due", f"{due} {'file has' if due == 1 else 'files have'} to run on {database}", command
        )
    return Finding("set up", "ok", f"{database} is up to date, {ran} files ran")
