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
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import Receive, Scope, Send

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
    with _serving(create_app(settings, clock=clock)) as address:
        yield DemoApi(address, settings)


class ManyApis:
    """One server that is another API each time: starting and stopping takes longer than most tests do."""

    def __init__(self) -> None:
        self._app = create_app()
        self._address = ""

    @contextmanager
    def running(self, settings: DemoSettings | None = None) -> Iterator[DemoApi]:
        """Be the API of these settings from now on, with counts from zero."""
        settings = settings or DemoSettings()
        self._app = create_app(settings)
        yield DemoApi(self._address, settings)

    @contextmanager
    def serving(self) -> Iterator[ManyApis]:
        """Serve while the block runs."""
        outer = Starlette(routes=[Mount("", app=self._pass_on)])
        outer.state.stats = self._app.state.stats  # counts connections, which are shared here
        with _serving(outer) as self._address:
            yield self

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)


@contextmanager
def _serving(app: Starlette) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = build_server(app)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            deadline = time.monotonic() + START_SECONDS
            while not server.started and thread.is_alive() and time.monotonic() < deadline:
                time.sleep(0.005)
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()
