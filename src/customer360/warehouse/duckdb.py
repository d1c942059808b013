"""DuckDB behind the engine's protocol: a read-only, locked-down file that many threads ask at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from customer360.errors import InvalidQuery, QueryTimeout, Unavailable

READER_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "lock_configuration": "true",
}


class DuckDBWarehouse:
    """One DuckDB file, opened read-only; each thread asks through a cursor of its own."""

    dialect = "duckdb"

    def __init__(self, path: Path, *, threads: int, memory: str) -> None:
        config = READER_CONFIG | {"threads": str(threads), "memory_limit": memory}
        self._connection = duckdb.connect(str(path), read_only=True, config=config)
        self._local = threading.local()

    def query(self, sql: str, parameters: Sequence[Any] = (), *, timeout: float | None = None) -> pa.Table:
        cursor = self._cursor()
        with _explained(cursor, timeout):
            return cursor.sql(sql, params=list(parameters)).to_arrow_table()

    def stream(self, sql: str, parameters: Sequence[Any] = ()) -> pa.RecordBatchReader:
        cursor = self._connection.cursor()
        with _explained(cursor, None):
            return cursor.sql(sql, params=list(parameters)).to_arrow_reader()

    def explain(self, sql: str) -> None:
        try:
            self._cursor().execute(f"EXPLAIN {sql}")
        except duckdb.Error as error:
            raise InvalidQuery(f"The engine refuses the statement: {_first_line(error)}") from error

    def tables(self) -> list[tuple[str, str]]:
        rows = self._cursor().execute(
            "SELECT schema_name, table_name FROM duckdb_tables() WHERE NOT internal ORDER BY ALL"
        )
        return [(schema, table) for schema, table in rows.fetchall()]

    def close(self) -> None:
        self._connection.close()

    def _cursor(self) -> duckdb.DuckDBPyConnection:
        cursor: duckdb.DuckDBPyConnection | None = getattr(self._local, "cursor", None)
        if cursor is None:
            cursor = self._local.cursor = self._connection.cursor()
        return cursor


@contextmanager
def _explained(cursor: duckdb.DuckDBPyConnection, timeout: float | None) -> Iterator[None]:
    """Stop the statement at its deadline, and turn the engine's failures into ours."""
    timer = threading.Timer(timeout, cursor.interrupt) if timeout is not None else None
    if timer:
        timer.start()
    try:
        yield
    except duckdb.InterruptException as error:
        raise QueryTimeout(
            f"The query ran longer than {timeout:g} seconds and was stopped.",
            next_action="Ask for less (a filter, fewer groups) or raise QUERY_TIMEOUT.",
        ) from error
    except duckdb.OutOfMemoryException as error:
        raise Unavailable(
            f"The query needs more memory than it may use: {_first_line(error)}",
            code="out_of_memory",
            next_action="Ask for less, or raise CUSTOMER360_SERVE_MEMORY.",
        ) from error
    finally:
        if timer:
            timer.cancel()


def _first_line(error: duckdb.Error) -> str:
    return str(error).splitlines()[0]
