"""The server the demo API needs: one that gives its connections away to be broken, and counts them."""

from __future__ import annotations

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from customer360.demo_api.stats import Stats

BACKLOG = 2048


def build_server(app: Starlette, *, host: str = "127.0.0.1", port: int = 8111) -> uvicorn.Server:
    """Return a server for an app of create_app; ``run`` serves until it is told to stop."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            host=host,
            port=port,
            http=_protocol(app.state.stats),
            lifespan="off",
            log_level="warning",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            backlog=BACKLOG,
        )
    )


def _protocol(stats: Stats) -> type[HttpToolsProtocol]:
    class BreakableProtocol(HttpToolsProtocol):
        is_counted = False

        def on_message_begin(self) -> None:
            super().on_message_begin()
            self.scope["state"]["connection"] = self.transport

        def on_headers_complete(self) -> None:
            """Count the connection once it asks for something else than the counts."""
            if not self.is_counted and not self.url.startswith(b"/stats"):
                self.is_counted = True
                stats.connections += 1
            super().on_headers_complete()

        def shutdown(self) -> None:
            """End at once: a request that hangs would keep the server."""
            self.transport.abort()

    return BreakableProtocol
