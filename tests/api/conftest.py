"""The real service over real HTTP, on a free port."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import uvicorn

from customer360.api import create_app
from customer360.settings import SnowflakeSettings, WorkspaceSettings, environment_of, load
from customer360.workspace import Workspace


def serve(home: Path, account: SnowflakeSettings | None = None) -> Iterator[httpx.Client]:
    """Run the service for a workspace, which finds its account in the environment, and yield a client of it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.MonkeyPatch.context() as environment:
        for name, value in environment_of(account).items() if account else ():
            environment.setenv(name, value)
        engine = "snowflake" if account else "duckdb"
        app = create_app(workspace_settings=load(WorkspaceSettings, home=home, engine=engine))
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning", lifespan="on"))
    thread = threading.Thread(target=server.run)
    thread.start()
    deadline = time.monotonic() + 30
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.02)
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
        yield client
    server.should_exit = True
    thread.join()


@pytest.fixture(scope="session")
def client(online_retail_workspace: Workspace) -> Iterator[httpx.Client]:
    """A client of the service on Online Retail, on the engine under test."""
    yield from serve(online_retail_workspace.home, online_retail_workspace.account)


@pytest.fixture(scope="session")
def bank_client(small_bank_workspace: Workspace) -> Iterator[httpx.Client]:
    """A client of the service on a small synthetic bank, on the engine under test."""
    yield from serve(small_bank_workspace.home, small_bank_workspace.account)


@pytest.fixture
def empty_client(tmp_path: Path) -> Iterator[httpx.Client]:
    """A client of the service on a workspace where nothing was loaded."""
    yield from serve(tmp_path / "empty")
