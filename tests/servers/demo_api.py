"""The demo API on a free port of this machine, in a thread of its own."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import uvicorn

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
        server.config.load()
        started, ended = threading.Event(), threading.Event()
        thread = threading.Thread(target=_run, args=[server, _serve(server, listening, started, ended)])
        thread.start()
        try:
            assert started.wait(START_SECONDS)
            yield DemoApi(f"http://127.0.0.1:{listening.getsockname()[1]}", settings)
        finally:
            ended.set()
            thread.join()


def _run(server: uvicorn.Server, serving: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
        runner.run(serving)


async def _serve(
    server: uvicorn.Server, listening: socket.socket, started: threading.Event, ended: threading.Event
) -> None:
    """Serve until the end, without uvicorn's loop: that notices the end after up to 0.2 seconds, for every test."""
    server.lifespan = server.config.lifespan_class(server.config)
    await server.startup(sockets=[listening])
    started.set()
    await asyncio.to_thread(ended.wait)
    for connection in list(server.server_state.connections):
        connection.shutdown()
    for listener in server.servers:
        listener.close()
