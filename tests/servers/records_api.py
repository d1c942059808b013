"""An API that gives whatever documents a test puts behind its paths, byte by byte, and remembers what it was asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit


class RecordsApi:
    """A running server; ``documents`` may change while it runs, and lists of records take ``changed_since``."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.documents: dict[str, bytes] = {}
        self.asked: list[dict[str, str]] = []

    def give(self, path: str, records: list[Any]) -> None:
        """Put records behind a path, as one list."""
        self.documents[path] = json.dumps(records).encode()

    def changed_since(self, path: str, moment: str) -> bytes:
        """Return those of a list that changed since then; their moments are written alike."""
        records = json.loads(self.documents[path])
        return json.dumps([record for record in records if record["updated_at"] >= moment]).encode()


@contextmanager
def giving(**records: list[Any]) -> Iterator[RecordsApi]:
    """Serve while the block runs; each keyword is a path."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            asked = urlsplit(self.path)
            api.asked.append(dict(parse_qsl(asked.query)))
            body = api.documents.get(asked.path)
            if body and (moment := api.asked[-1].get("changed_since")):
                body = api.changed_since(asked.path, moment)
            self.send_response(404 if body is None else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        api = RecordsApi(f"http://127.0.0.1:{server.server_address[1]}")
        for name, given in records.items():
            api.give(f"/{name}", given)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield api
        finally:
            server.shutdown()
            thread.join()
