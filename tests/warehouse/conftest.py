"""Snowflake as far as this machine has it: the emulator behind a wire that keeps every request."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import duckdb
import pyarrow as pa
import pytest
from pydantic import SecretStr

from customer360.settings import SnowflakeSettings, SnowflakeSetupSettings, load, project_files
from customer360.warehouse import BuildRecord, Builds, open_builds
from customer360.warehouse.deployment import Target, values_of
from customer360.warehouse.snowflake import SnowflakeWarehouse
from customer360.warehouse.snowflake_builds import SnowflakeBuilds
from customer360.warehouse.snowflake_login import connect_arguments, connector
from customer360.warehouse.snowflake_sessions import open_session
from customer360.workspace import Workspace
from tests.conftest import deployed
from tests.servers.snowflake_emulator import Emulator
from tests.servers.snowflake_tables import copy_table
from tests.servers.snowflake_wire import LOGIN, Wire, lets_in, listening

START = datetime(2026, 11, 21, 4, 51, tzinfo=UTC)
BUILD_FILES = (
    "0003_database_and_schemas",
    "0004_batches_and_builds",
    "0018_models_of_builds",
    "0023_more_models_of_builds",
)
PASSWORD = "hunter2§wörd"
PLACE = {"account": "ab12345", "role": "ANALYST", "warehouse": "WH", "database": "C360", "schema_name": "GOLD"}


class Connect(Protocol):
    """Opens a warehouse through a wire; it is closed when the test ends."""

    def __call__(self, wire: Wire, **given: Any) -> SnowflakeWarehouse: ...


def settings_for(port: int, **given: Any) -> SnowflakeSettings:
    """Return settings that reach a port of this machine by password, unless ``given`` says otherwise."""
    here = {"host": "127.0.0.1", "port": port, "protocol": "http", "login_timeout": 5, "network_timeout": 3}
    person = {"user": "JANE", "password": SecretStr(PASSWORD)}
    return load(SnowflakeSettings, **(here | PLACE | person | given))


@pytest.fixture
def wire(emulator: Emulator) -> Iterator[Wire]:
    """A wire to the emulator."""
    with listening(Wire(upstream=emulator.port)) as found:
        yield found


@pytest.fixture
def replay() -> Iterator[Wire]:
    """A wire with nobody behind it, which lets everybody in."""
    with listening(Wire(always={LOGIN: lets_in()})) as found:
        yield found


@pytest.fixture
def connect() -> Iterator[Connect]:
    with ExitStack() as opened:

        def open_warehouse(wire: Wire, **given: Any) -> SnowflakeWarehouse:
            options = {name: given.pop(name) for name in ("pool_size", "timeout", "trusted") if name in given}
            settings = settings_for(wire.port, **given)
            warehouse = SnowflakeWarehouse(settings, **({"pool_size": 2, "timeout": 10} | options))
            opened.callback(warehouse.close)
            return warehouse

        yield open_warehouse


@pytest.fixture
def builds(engine: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Builds]:
    """The builds of an empty workspace."""
    account = deployed(request.getfixturevalue("account"), BUILD_FILES) if engine == "snowflake" else None
    with closing(open_builds(Workspace(tmp_path, account))) as opened:
        yield opened


def make_build(
    builds: Builds, minute: int, rows: pa.Table, *, key: Sequence[str] = ("id",), status: str = "passed"
) -> BuildRecord:
    """Make a build whose one table, gold.t, has these rows; it is not published."""
    record = builds.new({"currency": "EUR"}, [], "0.1.0", lambda: START + timedelta(minutes=minute))
    folder = builds.folder(record.build_id)
    (folder / "customer_analytics.yaml").write_text("a model")
    if isinstance(builds, SnowflakeBuilds):
        schema = f"GOLD_{record.build_id}"
        builds.warehouse.query(f"CREATE SCHEMA {schema}")
        copy_table(builds.warehouse, f"{schema}.t", rows)
    else:
        with duckdb.connect(str(folder / "warehouse.duckdb")) as connection:
            connection.register("given", rows)
            connection.execute("create schema gold; create table gold.t as from given")
    tables = {"gold.t": {"rows": rows.num_rows, "primary_key": list(key)}}
    record = replace(record, status=status, as_of_date="2026-01-31", tables=tables)
    builds.write(record)
    return record


Open = Callable[[], Any]


@pytest.fixture
def session(account: SnowflakeSettings) -> Open:
    """Open a session on the emulator."""
    return lambda: open_session(account)


@pytest.fixture
def no_op_session(account: SnowflakeSettings) -> Open:
    """Open a session in which the emulator says yes to what it does not know, so that the sequence can be run."""
    unknown = [
        r"\s*(--.*\n\s*)*(create|alter|describe)\s.*(warehouse|role|stream|task|procedure|integration|git)\s",
        r"\s*(--.*\n\s*)*(grant|show)\s",
        r"\s*(--.*\n\s*)*create stage .*storage_integration",
        r"\s*(--.*\n\s*)*select\s+current_version",
    ]
    arguments = connect_arguments(account)
    parameters = arguments["session_parameters"] | {"nop_regexes": [f"(?s){pattern}" for pattern in unknown]}
    return lambda: connector().connect(**arguments | {"session_parameters": parameters})


@pytest.fixture
def target(account: SnowflakeSettings) -> Target:
    """The emulator as a place to deploy to."""
    return Target(values_of(account, SnowflakeSetupSettings.model_construct()), emulator=True)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A copy of infra/snowflake that a test may change."""
    return Path(shutil.copytree(project_files("infra/snowflake"), tmp_path / "snowflake"))
