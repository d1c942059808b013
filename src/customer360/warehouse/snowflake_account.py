"""One session with Snowflake for work that changes something: every statement runs once, in the order it is given.

DDL commits by itself there, so it is refused inside a transaction, where it would end what it should be part of.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from customer360.errors import Customer360Error, Unavailable, WorkspaceBusy
from customer360.settings import SnowflakeSettings
from customer360.warehouse.snowflake_errors import explained_statement
from customer360.warehouse.snowflake_login import connector
from customer360.warehouse.snowflake_sessions import open_session

SKIPPED = r"(?>\s+|--[^\n]*|//[^\n]*|(?s:/\*.*?\*/))*"
"""Blanks and comments, which may stand before a statement."""
DDL = re.compile(rf"{SKIPPED}(?:create|alter|drop|undrop|truncate|grant|revoke|comment|use)\b", re.IGNORECASE)
STATEMENT_SECONDS = 4 * 3600
"""How long one statement may run; a warehouse has a limit of its own."""
TOO_LONG = "Run the command again with a larger warehouse, or one with a higher STATEMENT_TIMEOUT_IN_SECONDS."
LANDING = "BRONZE.LANDING"
LEASE_HOURS = 6
"""How long a process that died keeps others out; the same workspace may go on at once."""

TAKE_LEASE = """
update OPS.LEASES
set holder = :1, acquired_at = sysdate(), expires_at = dateadd('hour', :3, sysdate())
where name = :2 and (holder is null or holder = :1 or expires_at < sysdate())
"""
GIVE_LEASE_BACK = "update OPS.LEASES set holder = null, expires_at = null where name = :1 and holder = :2"
READ_LEASE = "select holder, expires_at from OPS.LEASES where name = :1"


class Account:
    """A session that is opened with the first statement; one thread uses it."""

    def __init__(self, settings: SnowflakeSettings) -> None:
        self._settings = settings
        self._session: Any = None
        self._in_transaction = False

    def execute(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run one statement and return its rows; for DML, the numbers of rows that it changed.

        Raises:
            InvalidQuery: Snowflake refuses the statement, or does not have what it names.
            AccessRefused: the credentials or the rights do not do.
            Unavailable: no answer came; whether the statement ran is not known.
            QueryTimeout: it ran longer than ``STATEMENT_SECONDS``, or than its warehouse allows.
        """
        if self._in_transaction and DDL.match(sql):
            raise AssertionError(f"DDL would commit the transaction it is in: {sql.strip()[:80]}")
        if self._session is None:
            self._session = open_session(self._settings)
        started = time.monotonic()
        try:
            with self._session.cursor() as cursor:
                cursor.execute(sql, tuple(values), timeout=STATEMENT_SECONDS)
                return list(cursor.fetchall())
        except (connector().Error, OSError) as error:
            elapsed = time.monotonic() - started
            raise explained_statement(
                error, role=self._settings.role, seconds=STATEMENT_SECONDS, elapsed=elapsed, too_long=TOO_LONG
            ) from error

    def change(self, sql: str, values: Sequence[Any] = ()) -> int:
        """Run one INSERT, UPDATE or DELETE and return how many rows it changed."""
        [counts] = self.execute(sql, values)
        return int(counts[0])

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit what the block did, or nothing of it; a session that breaks is rolled back by Snowflake."""
        try:
            self.execute("begin")
            self._in_transaction = True
            yield
            self.execute("commit")
        except BaseException:
            self._roll_back()
            raise
        finally:
            self._in_transaction = False

    def _roll_back(self) -> None:
        """Undo the open transaction, or leave the session with it: what came next would be part of it."""
        try:
            self.execute("rollback")
        except Customer360Error:
            self.close()

    def put(self, file: Path, stage: str) -> None:
        """Upload a file into a folder of a stage, over one of the same name.

        Raises:
            Unavailable: it did not arrive.
        """
        escaped = str(file).replace("\\", "\\\\").replace("'", "\\'")
        [row] = self.execute(f"put 'file://{escaped}' @{stage}/ auto_compress=false overwrite=true")
        status, message = str(row[6]), row[7]
        if status != "UPLOADED":
            raise Unavailable(
                f"{file.name} did not arrive at the stage {stage}: {message or status}.",
                code="upload_failed",
                next_action="Run the command again; nothing of it has landed.",
            )

    def insert(self, table: str, types: Mapping[str, str], rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert rows, which travel as one JSON text; ``types`` names each column that they have, with its type."""
        if not rows:
            return
        columns = ", ".join(types)
        values = ", ".join(f"f.value:{name}::{kind}" for name, kind in types.items())
        self.execute(
            f"insert into {table} ({columns}) select {values} "  # noqa: S608  (names of our own)
            "from table(flatten(input => parse_json(:1))) as f",
            [json.dumps(rows, default=str)],
        )

    def load(self, table: str, rows: pa.Table, folder: Path) -> None:
        """Append many rows: as a Parquet file in ``folder`` that goes through the stage of bronze."""
        name = f"{table.replace('.', '_').lower()}.parquet"
        pq.write_table(rows, folder / name)
        self.put(folder / name, f"{LANDING}/{name}")
        self.execute(
            f"copy into {table} from @{LANDING}/{name}/{name} "
            "file_format = (format_name = 'BRONZE.PARQUET_FILES') match_by_column_name = case_insensitive purge = true"
        )

    @contextmanager
    def lease(self, name: str, holder: str) -> Iterator[None]:
        """Hold what only one process may do at a time, over all machines.

        Raises:
            WorkspaceBusy: another one holds it.
        """
        if not self.change(TAKE_LEASE, [holder, name, LEASE_HOURS]):
            [(other, until)] = self.execute(READ_LEASE, [name])
            raise WorkspaceBusy(
                f"{other} is loading or building in this database.",
                next_action=f"Wait for it to end and try again; what died without a word lets go at {until} UTC.",
            )
        try:
            yield
        finally:
            with suppress(Exception):  # it expires by itself
                self.change(GIVE_LEASE_BACK, [name, holder])

    def close(self) -> None:
        """End the session."""
        if self._session is not None:
            with suppress(Exception):
                self._session.close()
            self._session = None
