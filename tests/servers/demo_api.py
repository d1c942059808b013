"""The demo API on a free port of this machine, in a thread of its own."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from customer360.clock import Clock, utc_now
from customer360.demo_api import DemoSettings, Trouble, build_server, create_app

QUIET = Trouble()
START_SECONDS = 10


@dataclass(frozen=True)
class DemoApi:
    """A running server: where it is, what it was told, and what it counted."""

    address: str
    settings: DemoSettings

    @property
    def headers(self) -> dict[str, str]:
        """Headers that let a client in."""
        return {"x-api-key": self.settings.api_key}

    def stats(self) -> dict[str, Any]:
        """Return what the server counted so far; asking for it is not counted."""
        counts: dict[str, Any] = httpx.get(f"{self.address}/stats").json()
        return counts

    def reset_stats(self) -> None:
        """Let the server count from zero."""
        httpx.delete(f"{self.address}/stats")


@contextmanager
def running(settings: DemoSettings | None = None, *, clock: Clock = utc_now) -> Iterator[DemoApi]:
    """Serve while the block runs."""
    settings = settings or DemoSettings()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = build_server(create_app(settings, clock=clock))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            deadline = time.monotonic() + START_SECONDS
            while not server.started and thread.is_alive() and time.monotonic() < deadline:
                time.sleep(0.005)
            yield DemoApi(f"http://127.0.0.1:{listening.getsockname()[1]}", settings)
        finally:
            server.should_exit = True
            thread.join()
