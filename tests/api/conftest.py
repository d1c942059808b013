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
from customer360.settings import WorkspaceSettings, load


def serve(home: Path) -> Iterator[httpx.Client]:
    """Run the service for a workspace and yield a client of it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    app = create_app(workspace_settings=load(WorkspaceSettings, home=home))
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
def client(online_retail_home: Path) -> Iterator[httpx.Client]:
    """A client of the service on Online Retail."""
    yield from serve(online_retail_home)


@pytest.fixture(scope="session")
def bank_client(small_bank_home: Path) -> Iterator[httpx.Client]:
    """A client of the service on a small synthetic bank."""
    yield from serve(small_bank_home)


@pytest.fixture
def empty_client(tmp_path: Path) -> Iterator[httpx.Client]:
    """A client of the service on a workspace where nothing was loaded."""
    yield from serve(tmp_path / "empty")
