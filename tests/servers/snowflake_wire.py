"""A small HTTP server between the connector and the emulator: it keeps every request, and answers some itself.

What the emulator cannot do (refuse a password, stop a statement) is answered here as Snowflake words it; what is not
planned goes on to the emulator, if there is one.
"""

from __future__ import annotations

import gzip
import http.client
import json
import socket
import threading
from base64 import b64encode
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pyarrow as pa

LOGIN = "/session/v1/login-request"
QUERY = "/queries/v1/query-request"
HEARTBEAT = "/session/heartbeat"
ABORT = "/queries/v1/abort-request"
BROWSER = "/session/authenticator-request"


@dataclass(frozen=True)
class Request:
    """One request as it came: where to, and the JSON that it carried."""

    target: str
    path: str
    query: dict[str, str]
    body: dict[str, Any]
    authorization: str


@dataclass(frozen=True)
class Answer:
    """An answer of our own; status 0 hangs up without one, before or after the emulator did what was asked."""

    status: int = 200
    body: bytes = b"{}"
    is_done: bool = False


Action = Answer | Callable[[Request], Answer | None]
"""An answer, or what gives one; ``None`` leaves it to the emulator."""

HANG_UP = Answer(status=0)
LOSE_ANSWER = Answer(status=0, is_done=True)


def says(content: dict[str, Any]) -> Answer:
    """Answer with a JSON document."""
    return Answer(200, json.dumps(content).encode())


def refuses(code: str, message: str, state: str = "08001") -> Answer:
    """Answer as Snowflake words a refusal."""
    data = {"errorCode": code, "sqlState": state, "queryId": "01b0-0001"}
    return says({"data": data, "code": code, "message": message, "success": False})


def lets_in(token: str = "session-token") -> Answer:
    """Answer a sign-in with a session."""
    data = {"token": token, "masterToken": "master-token", "parameters": [], "sessionInfo": {}}
    return says({"data": data, "code": None, "message": None, "success": True})


def column(name: str, kind: str, precision: int | None = None, scale: int | None = None) -> dict[str, Any]:
    """Return how Snowflake declares a column of a result."""
    return {"name": name, "type": kind, "precision": precision, "scale": scale, "length": None, "nullable": True}


def gives(columns: list[dict[str, Any]], table: pa.Table, later: Mapping[str, int] | None = None) -> Answer:
    """Answer a statement with rows; ``later`` names the addresses of further chunks and their rows."""
    chunks = [
        {"url": url, "rowCount": rows, "uncompressedSize": 1, "compressedSize": 1}
        for url, rows in (later or {}).items()
    ]
    data = {
        "parameters": [],
        "rowtype": columns,
        "rowsetBase64": b64encode(chunk_of(columns, table)).decode(),
        "queryResultFormat": "arrow",
        "total": table.num_rows + sum((later or {}).values()),
        "returned": table.num_rows,
        "queryId": "01b0-0002",
        "chunks": chunks,
        "statementTypeId": 4096,
    }
    return says({"data": data, "code": None, "message": None, "success": True})


def chunk_of(columns: list[dict[str, Any]], table: pa.Table) -> bytes:
    """Return a table as one chunk of a result, with what Snowflake says of each column beside it."""
    fields = [
        field.with_metadata(
            {
                "logicalType": declared["type"].upper(),
                "precision": str(declared["precision"] or 38),
                "scale": str(declared["scale"] or 0),
                "charLength": "0",
            }
        )
        for field, declared in zip(table.schema, columns, strict=True)
    ]
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, pa.schema(fields)) as writer:
        writer.write_table(table.cast(pa.schema(fields)))
    return bytes(sink.getvalue())


@dataclass
class Wire:
    """Listens on a free port of this machine; ``upstream`` is the emulator's port."""

    upstream: int | None = None
    requests: list[Request] = field(default_factory=list)
    always: dict[str, Action] = field(default_factory=dict)
    """What each path answers, once nothing is planned for it any more."""
    planned: defaultdict[str, deque[Action]] = field(default_factory=lambda: defaultdict(deque))
    port: int = 0

    def plan(self, path: str, *actions: Action) -> None:
        """Answer the next requests to a path in this way."""
        self.planned[path].extend(actions)

    def asked(self, path: str) -> list[Request]:
        """Return the requests that came to a path."""
        return [request for request in self.requests if request.path == path]

    def answer(self, request: Request, headers: dict[str, str], method: str, content: bytes) -> Answer:
        """Keep a request and answer it."""
        self.requests.append(request)
        planned = self.planned[request.path]
        action = planned.popleft() if planned else self.always.get(request.path)
        ours = action(request) if callable(action) else action
        if ours is None or ours.is_done:
            answer = self._forwarded(request.target, headers, method, content)
        return ours or answer

    def end_session(self, request: Request) -> None:
        """End the emulator's session of a request, as Snowflake does where the connection to it is lost."""
        self._forwarded("/session?delete=true", {"Authorization": request.authorization}, "POST", b"{}")

    def _forwarded(self, target: str, headers: dict[str, str], method: str, content: bytes) -> Answer:
        if self.upstream is None:
            return says({"data": None, "code": None, "message": None, "success": True})
        connection = http.client.HTTPConnection("127.0.0.1", self.upstream, timeout=30)
        try:
            connection.request(method, target, content, headers)
            response = connection.getresponse()
            return Answer(response.status, response.read())
        except OSError:
            return HANG_UP
        finally:
            connection.close()


@contextmanager
def listening(wire: Wire) -> Iterator[Wire]:
    """Serve a wire while the block runs."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(wire))
    server.daemon_threads = True
    wire.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield wire
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler_of(wire: Wire) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            request = _read(self.path, content, self.headers.get("Authorization", ""))
            passed_on = {k: v for k, v in self.headers.items() if k.lower() not in {"host", "connection"}}
            self._send(wire.answer(request, passed_on, self.command, content))

        do_GET = do_PUT = do_POST  # noqa: N815

        def _send(self, answer: Answer) -> None:
            if not answer.status:
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            self.send_response(answer.status)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, format: str, *args: Any) -> None:
            """Stay quiet."""

        def handle(self) -> None:
            try:
                super().handle()
            except ConnectionError:
                self.close_connection = True

    return Handler


def _read(target: str, content: bytes, authorization: str) -> Request:
    parts = urlsplit(target)
    text = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
    body = json.loads(text) if text[:1] == b"{" else {}
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    return Request(target, parts.path, query, body, authorization)
