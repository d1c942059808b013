"""Snowflake behind the engine's protocol: pooled sessions, values bound by number, results as the Arrow DuckDB gives.

The connector is an extra and slow to import, so it is imported with the first session. What is asked here may be asked
twice: a statement whose session broke is repeated in a new one. Give it questions, not changes.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, TypeVar

import pyarrow as pa
from tenacity import (
    Retrying,
    before_sleep_log,
    retry_if_exception,
    stop_after_attempt,
    stop_after_delay,
    wait_exponential,
    wait_random,
)

from customer360.settings import SnowflakeSettings
from customer360.warehouse.snowflake_arrow import conformed, declared_schema, plain_name, table_of
from customer360.warehouse.snowflake_errors import explained_statement, is_transient
from customer360.warehouse.snowflake_login import connector
from customer360.warehouse.snowflake_sessions import TRUSTED_SECONDS, Sessions

ATTEMPTS = 5
FIRST_WAIT_SECONDS = 0.25
LONGEST_WAIT_SECONDS = 8.0

TABLES = (
    "SELECT table_schema, table_name FROM information_schema.tables"
    " WHERE table_schema <> 'INFORMATION_SCHEMA' ORDER BY table_schema, table_name"
)

T = TypeVar("T")
logger = logging.getLogger(__name__)


class SnowflakeWarehouse:
    """One account and role that many threads ask at once, through at most ``pool_size`` sessions."""

    dialect = "snowflake"

    def __init__(
        self, settings: SnowflakeSettings, *, pool_size: int, timeout: float, trusted: float = TRUSTED_SECONDS
    ) -> None:
        """Open nothing yet; ``timeout`` holds for every statement that brings none of its own.

        Raises:
            Unavailable: the connector is not installed.
        """
        connector()
        self._role, self._timeout = settings.role, timeout
        self._sessions = Sessions(settings, size=pool_size, trusted=trusted)

    def query(self, sql: str, parameters: Sequence[Any] = (), *, timeout: float | None = None) -> pa.Table:
        def ask(seconds: float) -> pa.Table:
            with self._sessions.session() as session:
                cursor = _execute(session, sql, parameters, seconds)
                schema = declared_schema(cursor.description)
                return pa.concat_tables([schema.empty_table(), *_chunks(cursor, schema)])

        return self._repeated(ask, self._timeout if timeout is None else timeout)

    def stream(self, sql: str, parameters: Sequence[Any] = ()) -> pa.RecordBatchReader:
        """Run one statement and return its rows chunk by chunk; its session is held until the last one is read."""

        def ask(seconds: float) -> tuple[Any, ExitStack]:
            with ExitStack() as held:
                session = held.enter_context(self._sessions.session())
                return _execute(session, sql, parameters, seconds), held.pop_all()

        cursor, held = self._repeated(ask, self._timeout)
        schema = declared_schema(cursor.description)
        return pa.RecordBatchReader.from_batches(schema, self._batches(cursor, schema, held))

    def _batches(self, cursor: Any, schema: pa.Schema, held: ExitStack) -> Iterator[pa.RecordBatch]:
        with self._explained(self._timeout), held:
            for chunk in _chunks(cursor, schema):
                yield from chunk.to_batches()

    def explain(self, sql: str) -> None:
        def ask(seconds: float) -> None:
            with self._sessions.session() as session:
                session.cursor().describe(sql, timeout=_whole(seconds))

        self._repeated(ask, self._timeout)

    def tables(self) -> list[tuple[str, str]]:
        found = self.query(TABLES).to_pydict()
        names = zip(*found.values(), strict=True)
        return [(plain_name(schema), plain_name(table)) for schema, table in names]

    def ping(self) -> float:
        """Return the seconds that one round trip takes; no warehouse runs for it.

        Raises:
            Unavailable: no answer came.
            AccessRefused: Snowflake refuses the credentials.
        """
        return self._repeated(lambda _: self._sessions.ping(), self._timeout)

    def close(self) -> None:
        self._sessions.close()

    def _repeated(self, ask: Callable[[float], T], seconds: float) -> T:
        """Ask until an answer comes, the fault is one that stays, or the time is over."""
        deadline = time.monotonic() + seconds
        policy = Retrying(
            retry=retry_if_exception(is_transient),
            stop=stop_after_attempt(ATTEMPTS) | stop_after_delay(seconds),
            wait=wait_exponential(FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS) + wait_random(0, FIRST_WAIT_SECONDS),
            before_sleep=before_sleep_log(logger, logging.INFO),
            reraise=True,
        )
        with self._explained(seconds):
            return policy(lambda: ask(deadline - time.monotonic()))

    @contextmanager
    def _explained(self, seconds: float) -> Iterator[None]:
        started = time.monotonic()
        try:
            yield
        except (connector().Error, OSError) as error:
            elapsed = time.monotonic() - started
            raise explained_statement(error, role=self._role, seconds=seconds, elapsed=elapsed) from error


def _execute(session: Any, sql: str, parameters: Sequence[Any], seconds: float) -> Any:
    """Run a statement; Snowflake stops it at the deadline, and the connector asks it to where it does not."""
    limit = _whole(seconds)
    return session.cursor().execute(
        sql, tuple(parameters), timeout=limit, _statement_params={"STATEMENT_TIMEOUT_IN_SECONDS": limit}
    )


def _whole(seconds: float) -> int:
    return max(1, math.ceil(seconds))


def _chunks(cursor: Any, schema: pa.Schema) -> Iterator[pa.Table]:
    try:
        chunks = cursor.fetch_arrow_batches(force_microsecond_precision=True)
    except connector().NotSupportedError:
        yield table_of(cursor.fetchall(), schema)
        return
    for chunk in chunks:
        yield conformed(chunk, schema)
