"""A pool of Snowflake sessions: at most so many, each checked before use, broken ones replaced.

SQLAlchemy's pool keeps them; a session that rested is asked for a heartbeat (no warehouse runs for it) and signed in
anew where none comes.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.exc import TimeoutError as NoneFree
from sqlalchemy.pool import QueuePool

from customer360.errors import AccessRefused, InvalidSetting, Unavailable
from customer360.settings import SnowflakeSettings
from customer360.warehouse.snowflake_errors import NO_ANSWER, explained_login, gets_no_answer, loses_session
from customer360.warehouse.snowflake_login import connect_arguments, connector

TRUSTED_SECONDS = 5.0
"""A session that answered so recently is used without asking again; a heartbeat costs a round trip."""
WAIT_SECONDS = 30.0
"""How long a statement waits for a session before it is refused."""
LIFETIME_SECONDS = 3 * 3600
"""Sessions are replaced before Snowflake ends them, after four hours."""
REFUSED_SECONDS = 60.0
"""How long credentials that were refused are not tried again: Snowflake locks a user out after a few failures."""


class Sessions:
    """Gives out sessions of one account to the threads of this process."""

    def __init__(self, settings: SnowflakeSettings, *, size: int, trusted: float = TRUSTED_SECONDS) -> None:
        self._settings = settings
        self._trusted = trusted
        self._failure: tuple[float, Exception] | None = None
        self._let_in = False
        self._first = threading.Lock()
        self._doubted_at = 0.0
        self._closed = False
        self._pool = QueuePool(
            self._open,
            pool_size=size,
            max_overflow=0,
            timeout=WAIT_SECONDS,
            recycle=LIFETIME_SECONDS,
            reset_on_return=None,
            use_lifo=True,
        )
        event.listen(self._pool, "checkout", self._check)
        event.listen(self._pool, "checkin", self._rest)

    @contextmanager
    def session(self) -> Iterator[Any]:
        """Hold one session; it is thrown away where it turns out to be broken.

        Raises:
            Unavailable: no session became free, or Snowflake cannot be reached.
            AccessRefused: Snowflake refuses the credentials.
        """
        held = self._take()
        try:
            yield held.dbapi_connection
        except connector().Error as error:
            if loses_session(error):
                held.invalidate(error)
                self._doubted_at = time.monotonic()
            raise
        finally:
            if self._closed and held.is_valid:
                held.invalidate()
            held.close()

    def _take(self) -> Any:
        if self._closed:
            raise Unavailable("This connection to Snowflake was closed.", code="closed")
        try:
            return self._pool.connect()
        except NoneFree as error:
            raise Unavailable(
                f"All {self._pool.size()} sessions with Snowflake were busy for {WAIT_SECONDS:g} seconds.",
                code="no_session_free",
                next_action="Ask again in a moment, or raise CONNECTION_POOL_SIZE.",
            ) from error

    def _open(self) -> Any:
        """Sign in; while nobody is let in, one at a time, and those who waited share what became of it."""
        asked_at = time.monotonic()
        with self._first:
            if not self._let_in:
                session = self._login(asked_at)
                self._let_in = True
                return session
        return self._login(asked_at)

    def _login(self, asked_at: float) -> Any:
        if self._failure and asked_at < self._failure[0]:
            raise self._failure[1]
        try:
            return _sign_in(self._settings)
        except (connector().Error, AccessRefused, Unavailable) as failure:
            self._remember(failure)
            raise

    def _remember(self, failure: Exception) -> None:
        """Keep a failure for those who ask before it ends: a refusal lasts, all others only for those who waited."""
        lasts = REFUSED_SECONDS if isinstance(failure, AccessRefused) else 0
        self._failure, self._let_in = (time.monotonic() + lasts, failure), False

    def _check(self, session: Any, record: Any, _: Any) -> None:
        """Ask for a sign of life where the session rested long, or another one broke since it was used."""
        now = time.monotonic()
        used_at = record.info.get("used_at", now)
        is_trusted = now - used_at <= self._trusted and used_at >= self._doubted_at
        if not is_trusted and not session.is_valid():
            raise DisconnectionError

    def _rest(self, _: Any, record: Any) -> None:
        record.info["used_at"] = time.monotonic()

    def ping(self) -> float:
        """Return the seconds that one round trip to Snowflake takes; no warehouse runs for it.

        Raises:
            Unavailable: no answer came.
            AccessRefused: Snowflake refuses the credentials.
        """
        with self.session() as session:
            started = time.monotonic()
            if session.is_valid():
                return time.monotonic() - started
        raise Unavailable("Snowflake does not answer.", code="unreachable", next_action=NO_ANSWER)

    def close(self) -> None:
        """End the sessions that rest; those in use end when they are given back."""
        self._closed = True
        self._pool.dispose()


def open_session(settings: SnowflakeSettings) -> Any:
    """Return one connection of the connector, for work that needs no pool; whoever asked closes it.

    Raises:
        InvalidSetting: something lacks, contradicts or cannot be read; the message names the variable.
        AccessRefused: Snowflake refuses the credentials.
        Unavailable: Snowflake cannot be reached.
    """
    try:
        return _sign_in(settings)
    except connector().Error as error:
        raise explained_login(error, user=settings.user, role=settings.role) from error


def _sign_in(settings: SnowflakeSettings) -> Any:
    """Sign in once; that there is no answer stays the connector's error, because asking again may help."""
    snowflake = connector()
    arguments = connect_arguments(settings)
    try:
        return snowflake.connect(**arguments)
    except snowflake.Error as error:
        if gets_no_answer(error):
            raise
        raise explained_login(error, user=arguments.get("user", ""), role=arguments.get("role", "")) from error
    except (OSError, ValueError, TypeError) as error:
        raise InvalidSetting(
            f"The connector cannot use these settings: {error}",
            next_action="Correct the connection in connections.toml, or the variables SNOWFLAKE_….",
        ) from error
