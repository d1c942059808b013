"""A client of Cortex Analyst written from its public specification alone; it knows nothing of what answers it.

Sources: the OpenAPI file of snowflakedb/snowflake-rest-api-specs and the documentation of the REST API. It keeps the
whole conversation, sends it with each question, and checks that what comes back is what the specification promises.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx

STATUSES = ("interpreting_question", "generating_sql", "validating_sql", "generating_suggestions", "done")
EVENTS = {"status", "message.content.delta", "error", "warnings", "response_metadata", "done"}
DELTAS = {"text": "text_delta", "sql": "statement_delta", "suggestions": "suggestions_delta", "think": "think_delta"}

Block = dict[str, Any]


class WireError(Exception):
    """An error answer of the API."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(f"{status} {body['message']}")
        self.status = status
        self.body = body


@dataclass
class CortexClient:
    """Talks to whoever answers at an address, about one semantic model."""

    address: str
    model: dict[str, Any]
    token: str = "a-token"
    token_type: str = "PROGRAMMATIC_ACCESS_TOKEN"
    stream: bool = False
    messages: list[dict[str, Any]] = field(default_factory=list)
    request_id: str = ""

    def ask(self, question: str) -> list[Block]:
        """Ask the next question of the conversation and return the blocks of the answer.

        Raises:
            WireError: the API answered with an error.
        """
        self.messages.append({"role": "user", "content": [{"type": "text", "text": question}]})
        try:
            content = self._streamed() if self.stream else self._whole()
        except WireError:
            self.messages.pop()
            raise
        check_blocks(content)
        self.messages.append({"role": "analyst", "content": content})
        return content

    def give_feedback(self, *, positive: bool, message: str = "") -> None:
        """Say whether the last answer was good."""
        body = {"request_id": self.request_id, "positive": positive, "feedback_message": message}
        path = "/api/v2/cortex/analyst/feedback"
        answer = httpx.post(f"{self.address}{path}", json=body, headers=self._headers(), timeout=50)
        assert (answer.status_code, answer.content) == (200, b"")

    def _headers(self) -> dict[str, str]:
        return {
            "Authorization": f"Bearer {self.token}",
            "X-Snowflake-Authorization-Token-Type": self.token_type,
            "Content-Type": "application/json",
        }

    def _request(self) -> tuple[str, dict[str, Any]]:
        return f"{self.address}/api/v2/cortex/analyst/message", {"messages": self.messages, **self.model}

    def _whole(self) -> list[Block]:
        url, body = self._request()
        answer = httpx.post(url, json=body, headers=self._headers(), timeout=50)
        if answer.status_code != 200:
            raise WireError(answer.status_code, check_error(answer.json(), answer.headers))
        assert answer.headers["Content-Type"].startswith("application/json")
        found = answer.json()
        check_answer(found)
        assert answer.headers["X-Snowflake-Request-ID"] == found["request_id"]
        self.request_id = found["request_id"]
        content: list[Block] = found["message"]["content"]
        return content

    def _streamed(self) -> list[Block]:
        url, body = self._request()
        sent = {**body, "stream": True}
        with httpx.stream("POST", url, json=sent, headers=self._headers(), timeout=50) as answer:
            if answer.status_code != 200:
                answer.read()
                raise WireError(answer.status_code, check_error(answer.json(), answer.headers))
            assert answer.headers["Content-Type"].startswith("text/event-stream")
            self.request_id = answer.headers["X-Snowflake-Request-ID"]
            return assemble(parse_events(answer.iter_lines()))


def parse_events(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield events as the standard of server-sent events has them."""
    name, data = "message", list[str]()
    for line in lines:
        if line == "":
            if data:
                yield name, "\n".join(data)
            name, data = "message", []
        elif not line.startswith(":"):
            key, _, value = line.partition(":")
            value = value[1:] if value.startswith(" ") else value
            if key == "event":
                name = value
            elif key == "data":
                data.append(value)


def assemble(events: Iterable[tuple[str, str]]) -> list[Block]:
    """Put the blocks of an answer together from deltas, whatever their order; fail where one is not as promised."""
    blocks: dict[int, Block] = {}
    statuses: list[str] = []
    for name, text in events:
        assert name in EVENTS, name
        data = json.loads(text)
        assert isinstance(data, dict), text
        if name == "status":
            assert data["status"] in STATUSES, data
            statuses.append(data["status"])
        elif name == "message.content.delta":
            assert "done" not in statuses, "content after the end"
            _add(blocks, data)
        elif name == "error":
            assert {"message", "code", "request_id"} <= data.keys()
            raise WireError(200, data)
        elif name == "warnings":
            check_warnings(data["warnings"])
    assert statuses[0] == "interpreting_question"
    assert statuses[-1] == "done"
    return [blocks[index] for index in sorted(blocks)]


def _add(blocks: dict[int, Block], delta: dict[str, Any]) -> None:
    kind = delta["type"]
    assert DELTAS[kind] in delta, delta
    if kind == "think":
        return
    index = delta["index"]
    assert isinstance(index, int)
    if kind == "text":
        block = blocks.setdefault(index, {"type": "text", "text": ""})
        block["text"] += delta["text_delta"]
    elif kind == "sql":
        block = blocks.setdefault(index, {"type": "sql", "statement": ""})
        block["statement"] += delta["statement_delta"]
        if "confidence" in delta:
            block["confidence"] = delta["confidence"]
    else:
        block = blocks.setdefault(index, {"type": "suggestions", "suggestions": []})
        piece = delta["suggestions_delta"]
        block["suggestions"] += [""] * (piece["index"] + 1 - len(block["suggestions"]))
        block["suggestions"][piece["index"]] += piece["suggestion_delta"]
    assert block["type"] == kind, "two kinds at one index"


def check_answer(answer: dict[str, Any]) -> None:
    """Fail where an answer lacks what the specification promises."""
    assert isinstance(answer["request_id"], str)
    assert answer["message"]["role"] == "analyst"
    check_blocks(answer["message"]["content"])
    check_warnings(answer["warnings"])
    metadata = answer["response_metadata"]
    assert isinstance(metadata["question_category"], str)
    assert all(isinstance(name, str) for name in metadata["model_names"])
    chosen = answer["semantic_model_selection"]
    assert chosen is None or (isinstance(chosen["index"], int) and len(chosen["identifier"]) == 1)


def check_blocks(content: list[Block]) -> None:
    """Fail where a block is not of a known kind with its keys, or statement and suggestions come together."""
    kinds = [block["type"] for block in content]
    assert content
    assert set(kinds) <= {"text", "sql", "suggestions"}
    assert not {"sql", "suggestions"} <= set(kinds)
    for block in content:
        match block["type"]:
            case "text":
                assert isinstance(block["text"], str)
            case "sql":
                assert isinstance(block["statement"], str)
                assert block["statement"]
                _check_confidence(block["confidence"])
            case "suggestions":
                assert all(isinstance(one, str) and one for one in block["suggestions"])


def _check_confidence(confidence: dict[str, Any]) -> None:
    used = confidence["verified_query_used"]
    if used is not None:
        assert {"name", "question", "sql", "verified_at", "verified_by"} <= used.keys()


def check_warnings(warnings: list[dict[str, Any]]) -> None:
    """Fail where a warning is not one."""
    assert all(isinstance(one["message"], str) for one in warnings)


def check_error(body: dict[str, Any], headers: httpx.Headers) -> dict[str, Any]:
    """Fail where an error is not of the shape of this API; return it."""
    assert {"message", "code", "error_code", "request_id"} <= body.keys(), body
    assert all(isinstance(body[key], str) and body[key] for key in ("message", "code", "request_id"))
    assert headers["X-Snowflake-Request-ID"] == body["request_id"]
    return body
