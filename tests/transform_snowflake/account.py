"""A Snowflake emulator in a process of its own, and what a build needs of a warehouse: bronze, dbt, and tables to read.

The emulator (fakesnow) speaks Snowflake's protocol and translates its SQL to DuckDB's. It shows that the statements are
well formed and mean the same to it; it is no proof for Snowflake.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from customer360.build.monitoring import TABLES as MONITORING_TABLES
from customer360.lake.bronze import parquet_path
from customer360.lake.contracts import PROVENANCE, TABLES
from customer360.settings import project_files
from customer360.workspace import Workspace
from tests.conftest import ROOT

DATABASE = "CUSTOMER_ANALYTICS"
RUN_DBT = "import sys; from dbt.cli.main import cli; cli(sys.argv[1:])"


@dataclass(frozen=True)
class Account:
    """The emulated account as a place to build in; it has no database before ``create_database``."""

    port: int

    @contextmanager
    def connect(self) -> Iterator[Any]:
        """Open a cursor; an unknown statement fails at once instead of being retried."""
        import snowflake.connector

        connection = snowflake.connector.connect(
            account="fakesnow",
            user="fake",
            password="snow",
            database=DATABASE,
            schema="PUBLIC",
            host="127.0.0.1",
            port=self.port,
            protocol="http",
            network_timeout=5,
            session_parameters={"CLIENT_OUT_OF_BAND_TELEMETRY_ENABLED": False},
        )
        try:
            yield connection.cursor()
        finally:
            connection.close()

    def create_database(self) -> None:
        """Create the database where it is not there."""
        with self.connect() as cursor:
            cursor.execute(f"create database if not exists {DATABASE}")

    def environment(self) -> dict[str, str]:
        """Return what the profile reads."""
        told = {"ACCOUNT": "fakesnow", "USER": "fake", "PASSWORD": "snow", "DATABASE": DATABASE, "HOST": "127.0.0.1"}
        told |= {"PORT": str(self.port), "PROTOCOL": "http"}
        return {"CUSTOMER360_DBT_TARGET": "snowflake"} | {f"SNOWFLAKE_{name}": value for name, value in told.items()}

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """Return the rows of a statement. fetchall, because null timestamps come as 1970 through Arrow."""
        with self.connect() as cursor:
            found: list[tuple[Any, ...]] = cursor.execute(statement).fetchall()
            return found

    def land(self, workspace: Workspace, batches: Iterable[str], suffix: str) -> None:
        """Make bronze of the batches' Parquet files, and the tables of MONITORING that models read, empty."""
        wanted = list(batches)
        with self.connect() as cursor:
            for schema in ("bronze", "monitoring"):
                cursor.execute(f"create schema if not exists {schema}{suffix}")
            cursor.execute(f"create stage if not exists bronze{suffix}.landing")
            for table, contract in TABLES.items():
                columns = ", ".join(
                    f"{column.name} {_snowflake_type(column.type)}" for column in (*contract.columns, *PROVENANCE)
                )
                cursor.execute(f"create table bronze{suffix}.{table} ({columns})")
                for path in (parquet_path(workspace, table, batch) for batch in wanted):
                    if path.exists():
                        _copy(cursor, path, f"bronze{suffix}", table)
            everything = f"select * from bronze{suffix}.transactions"
            cursor.execute(f"create view bronze{suffix}.transactions_to_build as {everything}")
            for table, definition in MONITORING_TABLES.items():
                typed = definition.replace(" timestamp", " timestamp_ntz")
                cursor.execute(f"create table monitoring{suffix}.{table} ({typed})")


def _snowflake_type(kind: str) -> str:
    return {"TIMESTAMP": "TIMESTAMP_NTZ"}.get(kind, kind)


def _copy(cursor: Any, path: Path, schema: str, table: str) -> None:
    """Load one file by its path, the only form of COPY that the emulator has."""
    stage = f"@{schema}.landing/{table}"
    cursor.execute(f"put file://{path} {stage}/ auto_compress=false")
    cursor.execute(
        f"copy into {schema}.{table} from {stage}/{path.name} "
        "file_format = (type = parquet) match_by_column_name = case_insensitive"
    )


def run_dbt(
    arguments: Sequence[str], variables: dict[str, Any], environment: dict[str, str], target: Path
) -> subprocess.CompletedProcess[str]:
    """Run a command of dbt in a process of its own."""
    project = project_files("transform")
    return subprocess.run(
        [
            *(sys.executable, "-W", "ignore", "-c", RUN_DBT, *arguments),
            *("--project-dir", str(project), "--profiles-dir", str(project / "profiles")),
            *("--target-path", str(target), "--log-path", str(target)),
            *("--vars", json.dumps(variables), "--no-partial-parse", "--no-version-check"),
        ],
        cwd=ROOT,
        env=os.environ | environment | {"CUSTOMER360_DBT_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
