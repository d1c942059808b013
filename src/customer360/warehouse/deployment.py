"""Runs the files of ``infra/snowflake`` on an account: what is due, in order, each recorded after its last statement.

A run that is killed goes on where it stopped: the file it was in runs again from its top, and every statement may run
twice. Nothing is skipped in silence: each file has a state, and what the emulator cannot run is ``parsed only``.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from customer360.errors import Conflict, DeploymentFailed, InvalidInput, InvalidSetting, did_you_mean
from customer360.settings import DEFAULT_MODEL, SnowflakeSettings, SnowflakeSetupSettings, semantic_model_file
from customer360.warehouse.migrations import IDENTIFIER, Migration, Order, put_in_order, read_migrations, render
from customer360.warehouse.snowflake_login import placed

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

NOT_THERE = {2003, 2043}
"""Numbers of the engine's errors for a table or a warehouse that does not exist, or that the role may not see."""
USE_WAREHOUSE = "use warehouse &{warehouse}"
READ_RECORD = "select name, sha256, outcome from &{database}.OPS.SCHEMA_MIGRATIONS order by applied_at"
WRITE_RECORD = "insert into &{database}.OPS.SCHEMA_MIGRATIONS (name, sha256, outcome, seconds) values (:1, :2, :3, :4)"
RECORD_FILE = "0003_database_and_schemas"
RECORD_ROLE = "SYSADMIN"
"""The file that makes the record, and the role that owns it for that; what ran before is recorded with it."""

State = Literal["due", "applied", "parsed only", "left out", "not asked for"]
History = dict[str, tuple[str, str]]
"""File → hash and outcome of the last time it ran."""


@dataclass(frozen=True)
class Step:
    """What happens, or happened, to one file."""

    migration: Migration
    state: State
    reason: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class Target:
    """Where the files go and what is written into them."""

    values: Mapping[str, str]
    options: frozenset[str] = frozenset()
    """Optional parts that are wanted."""
    role: str = ""
    """Role that runs everything; empty: the one that each file names."""
    emulator: bool = False

    def __post_init__(self) -> None:
        if self.role and not re.fullmatch(IDENTIFIER, self.role):
            raise InvalidSetting(
                f"{self.role!r} cannot be a role.",
                next_action="Set SNOWFLAKE_ROLE to the name of one, or leave it empty.",
            )


def values_of(account: SnowflakeSettings, setup: SnowflakeSetupSettings) -> dict[str, str]:
    """Return the value of each variable of the files."""
    model = semantic_model_file(DEFAULT_MODEL)
    return {
        "database": placed(account).database,
        "warehouse": placed(account).warehouse,
        **setup.model_dump(),
        "semantic_model": str(model),
        "semantic_model_sha256": hashlib.sha256(model.read_bytes()).hexdigest(),
    }


def plan(history: History, target: Target, *, only: Collection[str] = (), folder: Path | None = None) -> list[Step]:
    """Return a step for each file in the order they run; those to run are ``due``.

    Raises:
        Conflict: a file that ran was changed or removed, or one that is due needs one that did not run.
        InvalidInput: there is no such file, or no such optional part.
    """
    migrations = read_migrations(folder)
    _check_names(only, [migration.name for migration in migrations], "file")
    _check_names(
        target.options, [migration.optional for migration in migrations if migration.optional], "optional part"
    )
    _refuse_changes(migrations, history, target.values)
    order = put_in_order(migrations, target.values)
    steps = [_step(migration, history, target, only) for migration in order.migrations]
    _refuse_gaps(order, steps)
    for step in steps:
        if step.state == "due":
            step.migration.statements(target.values)  # a value that is missing, before anything runs
    return steps


def _check_names(given: Iterable[str], known: Sequence[str], what: str) -> None:
    for name in given:
        if name not in known:
            raise InvalidInput(f"There is no {what} {name!r}.", next_action=did_you_mean(name, known))


def _refuse_changes(migrations: Sequence[Migration], history: History, values: Mapping[str, str]) -> None:
    by_name = {migration.name: migration for migration in migrations}
    for name, (sha256, _) in history.items():
        migration = by_name.get(name)
        if migration is None:
            raise Conflict(f"{name}.sql ran on this account and is gone.", next_action="Put the file back as it was.")
        if migration.runs_once and migration.sha256(values) != sha256:
            raise Conflict(
                f"{name}.sql ran on this account and was changed since.",
                next_action="Put the file back as it was, and make the change in a new file with the next number.",
            )


def _step(migration: Migration, history: History, target: Target, only: Collection[str]) -> Step:
    if migration.optional and migration.optional not in target.options and migration.name not in history:
        return Step(migration, "left out", f"optional: add --with {migration.optional}")
    sha256, outcome = history.get(migration.name, ("", ""))
    settled = outcome == "applied" or (target.emulator and sha256)
    if settled and (migration.runs_once or sha256 == migration.sha256(target.values)):
        return Step(migration, "parsed only" if outcome == "parsed only" else "applied", "earlier")
    if only and migration.name not in only:
        return Step(migration, "not asked for")
    parsed = "parsed only on the emulator" if _outcome(migration, target) == "parsed only" else ""
    return Step(migration, "due", parsed or ("changed" if settled else ""))


def _refuse_gaps(order: Order, steps: Sequence[Step]) -> None:
    state = {step.migration.name: step.state for step in steps}
    for step in steps:
        missing = [f for f in order.needs[step.migration.name] if state[f] in ("left out", "not asked for")]
        if step.state == "due" and missing:
            raise Conflict(
                f"{step.migration.name} needs {', '.join(sorted(missing))}, which did not run.",
                next_action="Ask for those too.",
            )


class Session:
    """A connection and where it goes: reads and writes the record, and runs files."""

    def __init__(self, connection: SnowflakeConnection, target: Target) -> None:
        self._connection = connection
        self._target = target
        self._use, self._read, self._write = (
            render(sql, target.values, where="The record") for sql in (USE_WAREHOUSE, READ_RECORD, WRITE_RECORD)
        )
        self._unrecorded: list[Step] = []
        self._has_record = False

    def read_history(self) -> History:
        """Return what ran; nothing where the record does not exist yet."""
        self._execute(f"use role {self._target.role or RECORD_ROLE}", "The record")
        return self.read_record()

    def read_record(self) -> History:
        """Return what ran, as far as the connection's own role sees it."""
        self._query(self._use)  # a table is read by a warehouse
        rows = self._query(self._read)
        if rows is None:
            return {}
        self._has_record = True
        return {str(name): (str(sha256), str(outcome)) for name, sha256, outcome in rows}

    def run(self, step: Step) -> Step:
        """Run one file to its end and record it; on the emulator, only read what that cannot run.

        Raises:
            DeploymentFailed: names file, line and statement, and what the engine said.
        """
        began = time.monotonic()
        migration, state = step.migration, _outcome(step.migration, self._target)
        statements = migration.statements(self._target.values)
        if state == "applied":
            self._execute(f"use role {self._target.role or migration.role}", f"{migration.name}.sql")
            for statement in statements:
                where = f"{migration.name}.sql, line {statement.line} ({' '.join(statement.words[:5]).lower()} …)"
                self._execute(statement.text, where)
        done = Step(migration, state, step.reason, round(time.monotonic() - began, 3))
        self._unrecorded.append(done)
        self._write_record()
        return done

    def _write_record(self) -> None:
        """Record what ran, once the file that makes the record ran."""
        self._has_record = self._has_record or self._unrecorded[-1].migration.name == RECORD_FILE
        if not self._has_record:
            return
        self._execute(f"use role {self._target.role or RECORD_ROLE}", "The record")
        while self._unrecorded:
            step = self._unrecorded[0]
            sha256 = step.migration.sha256(self._target.values)
            self._execute(self._write, "The record", (step.migration.name, sha256, step.state, step.seconds))
            self._unrecorded.pop(0)

    def _query(self, sql: str) -> list[Any] | None:
        """Return the rows of a statement; ``None`` where what it names does not exist yet."""
        from snowflake.connector.errors import Error  # noqa: PLC0415

        try:
            with self._connection.cursor() as cursor:
                cursor.execute(sql)
                return list(cursor.fetchall())
        except Error as error:
            if error.errno in NOT_THERE:
                return None
            raise DeploymentFailed(
                f"The record of what ran cannot be read: {error.msg}", next_action=f"{RECORD_ROLE} may read it."
            ) from error

    def _execute(self, sql: str, where: str, values: tuple[str | float, ...] | None = None) -> None:
        from snowflake.connector.errors import Error  # noqa: PLC0415

        try:
            with self._connection.cursor() as cursor:
                cursor.execute(sql, values)
        except Error as error:
            raise DeploymentFailed(
                f"{where}: {error.msg}",
                next_action="See that the user has the role the file names; the next run goes on with this file.",
            ) from error


def _outcome(migration: Migration, target: Target) -> State:
    return "parsed only" if target.emulator and not migration.runs_on_emulator else "applied"


def plan_on(connection: SnowflakeConnection, target: Target) -> list[Step]:
    """Return what a deployment would do, asked with the connection's own role; see ``plan`` for what it raises."""
    return plan(Session(connection, target).read_record(), target)


def deploy(
    connect: Callable[[], SnowflakeConnection],
    target: Target,
    *,
    only: Collection[str] = (),
    dry_run: bool = False,
    folder: Path | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> list[Step]:
    """Bring an account up to date and return what happened to each file; ``dry_run`` only says what would.

    Raises:
        Conflict: see ``plan``; nothing ran.
        DeploymentFailed: a statement failed; the files before it ran and are recorded.
    """
    with closing(connect()) as connection:
        session = Session(connection, target)
        steps = plan(session.read_history(), target, only=only, folder=folder)
        due = [step for step in steps if step.state == "due"]
        if dry_run:
            return steps
        done = {}
        for number, step in enumerate(due):
            if progress:
                progress(step.migration.name, number, len(due))
            done[step.migration.name] = session.run(step)
        return [done.get(step.migration.name, step) for step in steps]
