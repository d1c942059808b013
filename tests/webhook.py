"""A real webhook on this machine, which answers as a test wants and keeps what it was sent."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "t0ken-of-the-webhook"
"""Part of every webhook's address, and of nothing that is printed."""


@dataclass
class Answer:
    """What the webhook says to one request, and how long it takes to say so."""

    status: int = 204
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0


@dataclass
class Webhook:
    """The address to post to, what was posted, and what is still to be answered; then it answers 204."""

    address: str
    answers: list[Answer]
    keys: list[str] = field(default_factory=list)
    posted: list[dict[str, Any]] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)

    def subjects(self, *, resolved: bool = False) -> list[str]:
        """Return the subjects of the alerts that were posted as raised, or as resolved."""
        return [alert["subject"] for alert in self.posted if alert["resolved"] is resolved]


@contextmanager
def webhook(*answers: Answer | int) -> Iterator[Webhook]:
    """Listen while the block runs; a number is an answer of that status."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    scripted = [Answer(answer) if isinstance(answer, int) else answer for answer in answers]
    hook = Webhook(f"http://127.0.0.1:{server.server_port}/{TOKEN}", scripted)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            hook.posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            hook.keys.append(self.headers["Idempotency-Key"])
            answer = hook.answers.pop(0) if hook.answers else Answer()
            if hook.closing.wait(answer.seconds):
                return
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server.RequestHandlerClass = Handler
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield hook
    finally:
        hook.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()
