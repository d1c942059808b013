"""Snowflake as far as this machine has it: the emulator behind a wire that keeps every request."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, Protocol

import pytest
from pydantic import SecretStr

from customer360.settings import SnowflakeSettings, load
from customer360.warehouse.snowflake import SnowflakeWarehouse
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


@pytest.fixture(scope="session")
def emulator() -> Iterator[Emulator]:
    """The emulator, once for each worker."""
    started = Emulator()
    started.start()
    yield started
    started.kill()


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
