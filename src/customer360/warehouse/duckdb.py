"""DuckDB behind the engine's protocol: a read-only, locked-down file that many threads ask at once."""

from __future__ import annotations

import threading
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from cachetools import LRUCache

from customer360.errors import InvalidInput, InvalidQuery, NotFound, QueryTimeout, Unavailable

LOCKED_DOWN: dict[str, str | bool | int | float | list[str]] = {
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "lock_configuration": "true",
}
PARSED_STATEMENTS = 256
WATCH_SECONDS = 0.05

# query() is for answers of limited size, where one copy costs less than binding the statement twice; stream() is not.
warnings.filterwarnings("ignore", message="Arrow output on a DB-API result", category=UserWarning)


class DuckDBWarehouse:
    """One DuckDB file, opened read-only; each thread asks through a cursor of its own.

    ``locked_down`` keeps statements inside the file; a build in the making has views that read others.
    """

    dialect = "duckdb"

    def __init__(self, path: Path, *, threads: int, memory: str, locked_down: bool = True) -> None:
        config = (LOCKED_DOWN if locked_down else {}) | {"threads": str(threads), "memory_limit": memory}
        self._connection = duckdb.connect(str(path), read_only=True, config=config)
        self._cursors: dict[int, tuple[duckdb.DuckDBPyConnection, LRUCache[str, Any]]] = {}
        self._deadlines = _Deadlines()

    def query(self, sql: str, parameters: Sequence[Any] = (), *, timeout: float | None = None) -> pa.Table:
        cursor, parsed = self._cursor()
        with _explained(), self._deadlines.limit(cursor, timeout):
            statement = parsed.get(sql)
            if statement is None:
                [statement] = cursor.extract_statements(sql)
                parsed[sql] = statement
            return cursor.execute(statement, list(parameters)).to_arrow_table()

    def stream(self, sql: str, parameters: Sequence[Any] = ()) -> pa.RecordBatchReader:
        cursor = self._connection.cursor()
        with _explained():
            return cursor.sql(sql, params=list(parameters)).to_arrow_reader()

    def explain(self, sql: str) -> None:
        try:
            self._connection.cursor().execute(f"EXPLAIN {sql}")
        except duckdb.Error as error:
            raise InvalidQuery(f"The engine refuses the statement: {_first_line(error)}") from error

    def tables(self) -> list[tuple[str, str]]:
        rows = self._connection.cursor().execute(
            "SELECT schema_name, table_name FROM duckdb_tables() WHERE NOT internal ORDER BY ALL"
        )
        return [(schema, table) for schema, table in rows.fetchall()]

    def columns(self) -> list[tuple[str, str, str]]:
        """Return (schema, table, column) of every table and view."""
        rows = self._connection.cursor().execute(
            "SELECT schema_name, table_name, column_name FROM duckdb_columns() "
            "WHERE NOT internal AND database_name = current_database() ORDER BY ALL"
        )
        return [(schema, table, column) for schema, table, column in rows.fetchall()]

    def close(self) -> None:
        self._deadlines.stop()
        self._cursors.clear()
        self._connection.close()

    def _cursor(self) -> tuple[duckdb.DuckDBPyConnection, LRUCache[str, Any]]:
        """Return this thread's cursor and the statements it has parsed."""
        thread = threading.get_ident()
        if thread not in self._cursors:
            self._cursors[thread] = (self._connection.cursor(), LRUCache(PARSED_STATEMENTS))
        return self._cursors[thread]


def open_database(path: Path, *, threads: int, memory: str) -> DuckDBWarehouse:
    """Open somebody's DuckDB file, read-only and locked down.

    Raises:
        NotFound: there is no such file.
        InvalidInput: it cannot be opened as a DuckDB database.
    """
    if not path.is_file():
        raise NotFound(f"{path} does not exist.", code="file_not_found", next_action="Give the path of a DuckDB file.")
    try:
        return DuckDBWarehouse(path, threads=threads, memory=memory)
    except duckdb.Error as error:
        raise InvalidInput(
            f"{path} cannot be opened: {_first_line(error)}",
            code="invalid_database",
            next_action="Give a DuckDB file that no other process writes to.",
        ) from error


@cache
def known_functions() -> frozenset[str]:
    """Return the names of all functions of the engine in lower case, without those that its parser spells out."""
    with duckdb.connect(":memory:", config=LOCKED_DOWN) as connection:
        rows = connection.execute("SELECT DISTINCT lower(function_name) FROM duckdb_functions()").fetchall()
    return frozenset(name for (name,) in rows)


class _Deadlines:
    """Interrupts statements that run past their deadline; one thread watches over all of them."""

    def __init__(self) -> None:
        self._running: dict[object, tuple[float, duckdb.DuckDBPyConnection]] = {}
        self._guard = threading.Lock()
        self._stopped = threading.Event()
        self._watcher: threading.Thread | None = None

    @contextmanager
    def limit(self, cursor: duckdb.DuckDBPyConnection, seconds: float | None) -> Iterator[None]:
        """Interrupt what the cursor runs after so many seconds.

        Raises:
            QueryTimeout: it was interrupted.
        """
        if seconds is None:
            yield
            return
        token = object()
        with self._guard:
            self._running[token] = (time.monotonic() + seconds, cursor)
            if self._watcher is None:
                self._watcher = threading.Thread(target=self._watch, name="deadlines", daemon=True)
                self._watcher.start()
        try:
            yield
        except duckdb.InterruptException as error:
            raise QueryTimeout(
                f"The query ran longer than {seconds:g} seconds and was stopped.",
                next_action="Ask for less (a filter, fewer groups) or raise QUERY_TIMEOUT.",
            ) from error
        finally:
            with self._guard:
                del self._running[token]

    def stop(self) -> None:
        """End the watching thread, and wait until it has ended: left running, it aborts a process that exits."""
        self._stopped.set()
        if self._watcher is not None:
            self._watcher.join()

    def _watch(self) -> None:
        while not self._stopped.wait(WATCH_SECONDS):
            now = time.monotonic()
            with self._guard:
                for deadline, cursor in self._running.values():
                    if now >= deadline:
                        cursor.interrupt()


@contextmanager
def _explained() -> Iterator[None]:
    """Turn the engine's lack of memory into an error that says what to do."""
    try:
        yield
    except duckdb.OutOfMemoryException as error:
        raise Unavailable(
            f"The query needs more memory than it may use: {_first_line(error)}",
            code="out_of_memory",
            next_action="Ask for less, or raise CUSTOMER360_SERVE_MEMORY.",
        ) from error


def _first_line(error: duckdb.Error) -> str:
    return str(error).splitlines()[0]
