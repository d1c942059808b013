"""One log line per request, with an id that the answer carries as well."""

from __future__ import annotations

import json
import logging
import time
import uuid

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger("customer360.requests")


class RequestLog:
    """Adds ``X-Request-ID`` to every answer and logs method, path, status and time as JSON."""

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
            if log.isEnabledFor(logging.INFO):
                milliseconds = round(1000 * (time.perf_counter() - started), 2)
                line = {"request_id": request_id, "method": scope["method"], "path": scope["path"]}
                log.info(json.dumps(line | {"status": status, "ms": milliseconds}))
