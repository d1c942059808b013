"""A build in the making on Snowflake: schemas of its own, views over the lasting bronze, every table made anew."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from customer360.build import monitoring
from customer360.build.making import SCORING, Made, Start, newest_day
from customer360.build.monitoring import History
from customer360.lake import PROVENANCE, TABLES, Manifest
from customer360.settings import SnowflakeSettings, is_loopback
from customer360.warehouse import BuildRecord, Warehouse
from customer360.warehouse.snowflake import SnowflakeWarehouse
from customer360.warehouse.snowflake_account import Account
from customer360.warehouse.snowflake_builds import READ_SECONDS, schema_suffix
from customer360.warehouse.snowflake_login import dbt_environment, placed

DBT_THREADS = 8
"""Models that Snowflake makes at the same time."""

NEWEST_DAY = """
select coalesce(
    (
        select max(transaction_date) from {bronze}.transactions
        where transaction_id is not null and transaction_date <= dateadd('day', 1, cast(_loaded_at as date))
    ),
    (select cast(max(fetched_at) as date) from {bronze}.api_customers)
)
"""
LIVE_ROWS = """
create view {bronze}.{table} as
select {columns} from BRONZE.{table} where _batch_id in (select batch_id from {bronze}.live_batches)
"""
KEEP = {
    "pipeline_steps": "PIPELINE_STEPS",
    "lineage_edges": "LINEAGE_EDGES",
    "data_quality_results": "DATA_QUALITY_RESULTS",
}
"""Tables of a build's MONITORING that OPS keeps of all builds."""


class SnowflakeMaking:
    """The schemas of one build, through a session of their own."""

    def __init__(self, settings: SnowflakeSettings, record: BuildRecord) -> None:
        self.schema_suffix = schema_suffix(record.build_id)
        self._settings, self._record = placed(settings), record
        self._account = Account(self._settings)
        self._bronze = f"BRONZE{self.schema_suffix}"

    def begin(
        self,
        batches: list[Manifest],
        base: BuildRecord | None,  # noqa: ARG002  (nothing is carried here)
        as_of: str | None,
        history: History,
    ) -> Start:
        self._create_bronze(batches)
        self._create_monitoring(history)
        self._create_scoring()
        if as_of is None:
            [(newest,)] = self._account.execute(NEWEST_DAY.format(bronze=self._bronze))
            as_of = newest_day(newest)
        return Start(as_of)

    def _create_bronze(self, batches: list[Manifest]) -> None:
        """Create a view of each table of bronze over the live batches."""
        account, bronze = self._account, self._bronze
        account.execute(f"create schema {bronze}")
        account.execute(f"create table {bronze}.live_batches (batch_id varchar)")
        live = [{"batch_id": batch.batch_id} for batch in batches]
        account.insert(f"{bronze}.live_batches", {"batch_id": "varchar"}, live)
        for name, table in TABLES.items():
            columns = ", ".join(column.name for column in (*table.columns, *PROVENANCE))
            account.execute(LIVE_ROWS.format(bronze=bronze, table=name, columns=columns))
        account.execute(f"create view {bronze}.transactions_to_build as select * from {bronze}.transactions")  # noqa: S608

    def _create_monitoring(self, history: History) -> None:
        schema = f"MONITORING{self.schema_suffix}"
        self._account.execute(f"create schema {schema}")
        for table in monitoring.TABLES:
            types = _types(table)
            columns = ", ".join(f"{name} {kind}" for name, kind in types.items())
            self._account.execute(f"create table {schema}.{table} ({columns})")
            self._insert(table, history.get(table, ()))

    def _create_scoring(self) -> None:
        schema = f"SCORING{self.schema_suffix}"
        self._account.execute(f"create schema {schema}")
        for table, columns in SCORING.items():
            self._account.execute(f"create table {schema}.{table} ({columns})")

    def keep_scores(self, tables: Mapping[str, pa.Table]) -> None:
        with tempfile.TemporaryDirectory(prefix="customer360-scores-") as folder:
            for name, rows in tables.items():
                self._account.load(f"SCORING{self.schema_suffix}.{name.upper()}", rows, Path(folder))

    def _insert(self, table: str, rows: Any) -> None:
        if rows:
            types = {name: kind for name, kind in _types(table).items() if name in rows[0]}
            self._account.insert(f"MONITORING{self.schema_suffix}.{table}", types, rows)

    def dbt_environment(self) -> dict[str, str]:
        threads = 1 if is_loopback(self._settings.host) else DBT_THREADS  # the emulator makes one at a time
        return dbt_environment(self._settings) | {
            "CUSTOMER360_DBT_TARGET": "snowflake",
            "CUSTOMER360_DBT_THREADS": str(threads),
        }

    def release(self) -> None:
        """Do nothing: dbt's sessions stand in nobody's way."""

    @contextmanager
    def asking(self) -> Iterator[Warehouse]:
        warehouse = SnowflakeWarehouse(self._settings, pool_size=1, timeout=READ_SECONDS)
        try:
            yield warehouse
        finally:
            warehouse.close()

    def finish(self, made: Made, steps: dict[str, list[dict[str, Any]]]) -> dict[str, int]:
        for table, rows in steps.items():
            self._insert(table, rows)
        self._keep_steps()
        self._account.execute(f"drop schema {self._bronze} cascade")
        self._account.execute(f"drop schema SCORING{self.schema_suffix} cascade")
        for view in made.passing_views:
            self._account.execute(f"drop view {self._own(view)}")
        counted = [f"select '{name}', count(*) from {self._own(name)}" for name in made.primary_keys]  # noqa: S608
        counts = {name: int(rows) for name, rows in self._account.execute(" union all ".join(counted))}
        self._account.close()
        return counts

    def _keep_steps(self) -> None:
        """Add what dbt did to what OPS knows of all builds."""
        for table, kept in KEEP.items():
            names = ", ".join(_types(table))
            self._account.execute(
                f"insert into OPS.{kept} (build_id, {names}) "  # noqa: S608  (names of our own)
                f"select '{self._record.build_id}', {names} from MONITORING{self.schema_suffix}.{table}"
            )

    def _own(self, name: str) -> str:
        schema, table = name.split(".")
        return f"{schema}{self.schema_suffix}.{table}"


def _types(table: str) -> dict[str, str]:
    """Return the type of each column of a table of MONITORING."""
    return {name: {"timestamp": "timestamp_ntz"}.get(kind, kind) for name, kind in monitoring.types_of(table).items()}
