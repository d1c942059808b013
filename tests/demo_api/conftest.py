"""One quiet server for the tests that only read."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from customer360.demo_api import DemoSettings
from tests.servers.demo_api import QUIET, DemoApi, running

USERS = 40


@pytest.fixture(scope="package")
def quiet_api() -> Iterator[DemoApi]:
    """A server with forty users where nothing goes wrong."""
    with running(DemoSettings(users=USERS, trouble=QUIET)) as api:
        yield api


@pytest.fixture
def client(quiet_api: DemoApi) -> Iterator[httpx.Client]:
    """A client that may read the quiet server."""
    with httpx.Client(base_url=quiet_api.address, headers=quiet_api.headers) as client:
        yield client
