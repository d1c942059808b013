"""A build in the making on DuckDB: one file, views over the lake's Parquet, facts carried where they may be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from customer360.build import carrying, monitoring
from customer360.build.making import SCORING, Made, Start, newest_day
from customer360.build.monitoring import History
from customer360.errors import BuildFailed
from customer360.lake import Manifest, create_bronze_views, find_damage
from customer360.warehouse import BuildRecord, DuckDBWarehouse, Warehouse
from customer360.warehouse.duckdb_builds import FILE
from customer360.workspace import Workspace

NEWEST_DAY = """
select coalesce(
    (
        select max(transaction_date) from bronze.transactions
        where transaction_id is not null and transaction_date <= cast(_loaded_at as date) + 1
    ),
    (select cast(max(fetched_at) as date) from bronze.api_customers)
)
"""


class DuckDBMaking:
    """One build's file, which this process opens alone; ``threads`` and ``memory`` are what the engine may take."""

    schema_suffix = ""

    def __init__(self, workspace: Workspace, record: BuildRecord, *, threads: int, memory: str) -> None:
        self._workspace, self._record = workspace, record
        self._threads, self._memory = threads, memory
        self._folder = workspace.builds / record.build_id
        self._file = self._folder / FILE

    def begin(self, batches: list[Manifest], base: BuildRecord | None, as_of: str | None, history: History) -> Start:
        self._refuse_damage(batches)
        start = self.settle(batches, base, as_of)
        if base and start.carried_from:
            carrying.copy_facts(self._file_of(base), self._file)
        with duckdb.connect(str(self._file)) as connection:
            create_bronze_views(connection, self._workspace, batches)
            carrying.create_view_to_build(connection, self._workspace, batches, base if start.carried_from else None)
            monitoring.create_tables(connection, history)
            connection.execute("create schema scoring")
            for table, columns in SCORING.items():
                connection.execute(f"create table scoring.{table} ({columns})")
        return start

    def keep_scores(self, tables: Mapping[str, pa.Table]) -> None:
        with duckdb.connect(str(self._file)) as connection:
            for name, rows in tables.items():
                connection.register("rows", rows)
                connection.execute(f"insert into scoring.{name} by name select * from rows")  # noqa: S608  (our own)
                connection.unregister("rows")

    def settle(self, batches: list[Manifest], base: BuildRecord | None, as_of: str | None) -> Start:
        """Decide the day the build calls today, and whether it carries the facts of its base."""
        with duckdb.connect(config={"threads": self._threads, "memory_limit": self._memory}) as connection:
            create_bronze_views(connection, self._workspace, batches)
            if as_of is None:
                [(newest,)] = connection.execute(NEWEST_DAY).fetchall()
                as_of = newest_day(newest)
            if base is None:
                return Start(as_of)
            reason = carrying.why_anew(connection, self._file_of(base), base, self._record, as_of)
            return Start(as_of, None if reason else base.build_id, reason)

    def _file_of(self, build: BuildRecord) -> Path:
        return self._workspace.builds / build.build_id / FILE

    def _refuse_damage(self, batches: list[Manifest]) -> None:
        damage = find_damage(self._workspace, batches)
        if damage:
            raise BuildFailed(
                f"{len(damage)} files of bronze are not what their manifests say.",
                details=[{"field": str(path), "value": path.stem, "message": fault} for path, fault in damage.items()],
                next_action="Restore lake/ from a backup, or load the data into a new workspace.",
            )

    def dbt_environment(self) -> dict[str, str]:
        return {
            "CUSTOMER360_DBT_TARGET": "dev",
            "CUSTOMER360_BUILD_FILE": str(self._file),
            "CUSTOMER360_DBT_THREADS": str(self._threads),
            "CUSTOMER360_BUILD_ENGINE_THREADS": str(self._threads),
            "CUSTOMER360_BUILD_ENGINE_MEMORY": self._memory,
            "CUSTOMER360_BUILD_SPILL": str(self._folder / "spill"),
        }

    def release(self) -> None:
        """Close dbt-duckdb's process-wide connection, which holds the file's lock."""
        from dbt.adapters.duckdb.connections import DuckDBConnectionManager  # noqa: PLC0415

        DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call]

    @contextmanager
    def asking(self) -> Iterator[Warehouse]:
        warehouse = DuckDBWarehouse(self._file, threads=self._threads, memory=self._memory, locked_down=False)
        try:
            yield warehouse
        finally:
            warehouse.close()

    def finish(self, made: Made, steps: dict[str, list[dict[str, Any]]]) -> dict[str, int]:
        with duckdb.connect(str(self._file)) as connection:
            for table, rows in steps.items():
                monitoring.insert(connection, table, rows)
            connection.execute("drop schema bronze cascade")
            connection.execute("drop schema scoring cascade")
            connection.execute("drop schema if exists carried cascade")
            for view in made.passing_views:
                connection.execute(f"drop view {view}")
            counts = {name: connection.table(name).count("*").fetchall()[0][0] for name in made.primary_keys}
            connection.execute("checkpoint")
        return counts
