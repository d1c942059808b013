"""One log line and one measurement per request, with an id that the answer carries as well."""

from __future__ import annotations

import json
import logging
import time
import uuid

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger("customer360.requests")


class RequestLog:
    """Adds ``X-Request-ID`` to every answer, logs method, path, status and time as JSON, and records them."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id, started, status = uuid.uuid4().hex[:16], time.perf_counter(), 500

        async def tagged(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-ID"] = request_id
            await send(message)

        try:
            await self._app(scope, receive, tagged)
        finally:
            milliseconds = round(1000 * (time.perf_counter() - started), 2)
            scope["app"].state.service.recorder.request(_route(scope), scope["method"], status, milliseconds)
            if log.isEnabledFor(logging.INFO):
                line = {"request_id": request_id, "method": scope["method"], "path": scope["path"]}
                log.info(json.dumps(line | {"status": status, "ms": milliseconds}))


def _route(scope: Scope) -> str:
    """Return the path with the names of its parameters in place of their values; the router knows it without prefix."""
    route = scope.get("route")
    if route is None:
        return "no such path"
    asked: str = scope["path"]
    return asked.removesuffix(route.path_format.format(**scope["path_params"])) + str(route.path_format)
