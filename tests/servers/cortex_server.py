"""A server that replays the public wire shapes of Cortex Analyst: answers are planned, questions kept."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MESSAGE = "/api/v2/cortex/analyst/message"
FEEDBACK = "/api/v2/cortex/analyst/feedback"
REQUEST_ID = "75d343ee-699c-483f-83a1-e314609fb563"
STATEMENT = "SELECT state, SUM(amount) AS spend FROM customer_analytics.gold.fct_transactions GROUP BY state"
SUGGESTED = ("What was the total spend last month?", "Which state had the most customers?")
SAID = "We interpreted your question as: total spend by state."
METADATA = {"model_names": ["claude-sonnet-4-5"], "question_category": "CLEAR_SQL", "cortex_search_retrieval": []}
EVENTS = "text/event-stream"


@dataclass(frozen=True)
class Asked:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: Any


@dataclass(frozen=True)
class Reply:
    """One answer: its status, type and bytes, what to wait for before it, and how much of it to keep back."""

    status: int = 200
    body: bytes = b""
    kind: str = "application/json"
    wait: float = 0
    cut: int = 0


def success(verified: dict[str, Any] | None = None) -> Reply:
    """Answer with words and a statement."""
    sql = {"type": "sql", "statement": STATEMENT, "confidence": {"verified_query_used": verified}}
    return _answers([{"type": "text", "text": SAID}, sql])


def suggestions() -> Reply:
    """Answer that a question is ambiguous."""
    asked_back = {"type": "suggestions", "suggestions": list(SUGGESTED)}
    return _answers([{"type": "text", "text": "Your question is ambiguous."}, asked_back])


def refuses(status: int, message: str = "No.", code: str = "390189") -> Reply:
    """Answer with an error."""
    error = {"message": message, "code": code, "error_code": code, "request_id": REQUEST_ID}
    return Reply(status, json.dumps(error).encode())


def streams(*, cut: int = 0, wait: float = 0) -> Reply:
    """Answer with words and a statement as events; ``cut`` bytes of the end never come."""
    return Reply(200, _events(_success_events()), EVENTS, wait, cut)


def streams_suggestions() -> Reply:
    """Answer with questions back as events."""
    return Reply(200, _events(_suggestion_events()), EVENTS)


def streams_error() -> Reply:
    """Begin a stream and say in it that it failed."""
    events = [*_success_events()[:2], ("error", {"message": "internal", "code": "370001", "request_id": REQUEST_ID})]
    return Reply(200, _events(events), EVENTS)


NOT_JSON = Reply(200, b"<html>Sign in</html>", "text/html")
OTHER_JSON = Reply(200, b'{"message": 5}')
EMPTY_OK = Reply(200, b"")


class CortexServer:
    """A running server; ``plan`` holds what it answers next, after that it answers with ``default``."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.asked: list[Asked] = []
        self.plan: deque[Reply] = deque()
        self.default = success()

    def answer(self, asked: Asked) -> Reply:
        """Keep what was asked and return what is planned; without a plan, what the request itself calls for."""
        self.asked.append(asked)
        if asked.path == FEEDBACK:
            return EMPTY_OK
        if self.plan:
            return self.plan.popleft()
        if self.default.status != 200 or self.default != success():
            return self.default
        question = asked.body["messages"][-1]["content"][0]["text"]
        is_clear, is_stream = "frobnicator" not in question, asked.body.get("stream")
        if is_stream:
            return streams() if is_clear else streams_suggestions()
        return success() if is_clear else suggestions()


@contextmanager
def replaying() -> Iterator[CortexServer]:
    """Serve while the block runs."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            reply = server_state.answer(Asked(self.path, dict(self.headers), body))
            stopped.wait(reply.wait)
            self.send_response(reply.status)
            self.send_header("Content-Type", reply.kind)
            self.send_header("X-Snowflake-Request-ID", REQUEST_ID)
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body[: len(reply.body) - reply.cut])
            if reply.cut:
                self.close_connection = True

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: Any) -> None:
            """Say nothing: clients that run out of patience hang up."""

    stopped = threading.Event()
    with Server(("127.0.0.1", 0), Handler) as server:
        server_state = CortexServer(f"http://127.0.0.1:{server.server_address[1]}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server_state
        finally:
            stopped.set()
            server.shutdown()
            thread.join()


def _answers(content: list[dict[str, Any]]) -> Reply:
    answer = {
        "request_id": REQUEST_ID,
        "message": {"role": "analyst", "content": content},
        "warnings": [{"message": "Table t has (30) columns, which exceeds the recommended maximum of 10"}],
        "semantic_model_selection": None,
        "response_metadata": METADATA,
    }
    return Reply(200, json.dumps(answer).encode())


def _status(status: str) -> tuple[str, dict[str, Any]]:
    return "status", {"status": status, "status_message": status.capitalize(), "request_id": REQUEST_ID}


def _delta(**parts: Any) -> tuple[str, dict[str, Any]]:
    return "message.content.delta", parts


def _success_events() -> list[tuple[str, dict[str, Any]]]:
    return [
        _status("interpreting_question"),
        _delta(index=0, type="text", text_delta=SAID[:20]),
        _status("generating_sql"),
        ("message.content.delta", {"type": "think", "think_delta": "…"}),
        _status("validating_sql"),
        _delta(index=1, type="sql", statement_delta=STATEMENT[:30]),
        _delta(index=0, type="text", text_delta=SAID[20:]),
        _delta(index=1, type="sql", statement_delta=STATEMENT[30:], confidence={"verified_query_used": None}),
        ("warnings", {"warnings": [{"message": "Table t has (30) columns."}]}),
        ("response_metadata", METADATA),
        _status("done"),
        ("done", {}),
    ]


def _suggestion_events() -> list[tuple[str, dict[str, Any]]]:
    deltas = [
        _delta(index=1, type="suggestions", suggestions_delta={"index": place, "suggestion_delta": piece})
        for place, question in enumerate(SUGGESTED)
        for piece in (question[:12], question[12:])
    ]
    text = _delta(index=0, type="text", text_delta="Your question is ambiguous.")
    return [_status("interpreting_question"), text, _status("generating_suggestions"), *deltas, _status("done")]


def _events(events: list[tuple[str, dict[str, Any]]]) -> bytes:
    return "".join(f"event: {name}\ndata: {json.dumps(data)}\n\n" for name, data in events).encode()
