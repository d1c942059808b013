"""Answers that HTTP does not allow: a reset, a body that stops early, nothing at all."""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import suppress

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

RESET_ON_CLOSE = struct.pack("ii", 1, 0)


def connection_of(scope: Scope) -> asyncio.Transport:
    """Return the connection that a request came in on; build_server puts it there."""
    connection: asyncio.Transport | None = scope.get("state", {}).get("connection")
    if connection is None:
        raise RuntimeError("breaking connections takes a server of build_server")
    return connection


class Reset(Response):
    """Ends the connection with a TCP reset instead of an answer."""

    async def __call__(self, scope: Scope, receive: Receive, _send: Send) -> None:
        connection = connection_of(scope)
        with socket.socket(fileno=socket.dup(connection.get_extra_info("socket").fileno())) as same:
            same.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        connection.abort()
        await until_gone(receive)


class Nothing(Response):
    """Sends nothing, to a client that is gone."""

    async def __call__(self, _scope: Scope, _receive: Receive, _send: Send) -> None:
        """Leave it at that."""


class Truncated(Response):
    """Sends half of its body under a Content-Length of all of it, then ends the connection."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        half = bytes(self.body)[: len(self.body) // 2]
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": half, "more_body": True})
        connection_of(scope).close()
        await until_gone(receive)


async def until_gone(receive: Receive) -> None:
    """Wait until the client is gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def is_gone_within(receive: Receive, seconds: float) -> bool:
    """Tell whether the client gives up within some seconds."""
    with suppress(TimeoutError):
        await asyncio.wait_for(until_gone(receive), seconds)
        return True
    return False
