"""The one door to an engine: a small protocol that every engine fulfils. Results leave as Arrow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import pyarrow as pa


class Warehouse(Protocol):
    """One published build (or a build in the making) that can be asked."""

    dialect: str
    """Name of the engine's SQL dialect in sqlglot: ``duckdb`` or ``snowflake``."""

    def query(self, sql: str, parameters: Sequence[Any] = (), *, timeout: float | None = None) -> pa.Table:
        """Run one statement with bound values ($1, $2 …; :1, :2 … on Snowflake) and return all rows.

        Raises:
            QueryTimeout: it ran longer than ``timeout`` seconds.
            Unavailable: the engine ran out of memory.
        """

    def stream(self, sql: str, parameters: Sequence[Any] = ()) -> pa.RecordBatchReader:
        """Run one statement and return its rows batch by batch."""

    def explain(self, sql: str) -> None:
        """Check a statement against the catalogue without running it.

        Raises:
            InvalidQuery: the engine refuses it; the message says why.
        """

    def tables(self) -> list[tuple[str, str]]:
        """Return (schema, table) of every table."""

    def close(self) -> None:
        """Let go of the engine's resources; closing twice is harmless."""
