"""Snowflake as far as this machine has it: the emulator behind a wire that keeps every request."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

import pytest
from pydantic import SecretStr

from customer360.settings import SnowflakeSettings, SnowflakeSetupSettings, load, project_files
from customer360.warehouse.deployment import Target, values_of
from customer360.warehouse.snowflake import SnowflakeWarehouse
from customer360.warehouse.snowflake_login import connect_arguments, connector
from customer360.warehouse.snowflake_sessions import open_session
from tests.servers.snowflake_emulator import Emulator
from tests.servers.snowflake_wire import LOGIN, Wire, lets_in, listening

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
