"""Snowflake's own Cortex Analyst, asked over HTTP as another reader of questions. Off unless the settings say so.

Invariant: a failure has one of five names, and never stops a question from being answered by somebody else:
``cortex_4xx`` (it refuses us), ``cortex_5xx`` (it failed), ``cortex_timeout``, ``cortex_unreachable`` and
``cortex_unreadable`` (what came is not what the API promises). The token leaves its ``SecretStr`` for the header only.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import httpx
from tenacity import (
    Retrying,
    retry_if_exception_type,
    retry_if_result,
    stop_after_attempt,
    stop_before_delay,
    wait_exponential_jitter,
)

from customer360.ask.readers import Proposal, Turn
from customer360.errors import Unavailable
from customer360.settings import CortexSettings

NAME = "cortex-analyst"
MESSAGE = "/api/v2/cortex/analyst/message"
TRIES = 3
BACKOFF = wait_exponential_jitter(multiplier=0.5, max=4)
BEGINNING = 0.5
"""The part of the time in which a try may begin, so that a late one does not end as a timeout for want of it."""
TRANSIENT = (httpx.TimeoutException, httpx.NetworkError)
"""What may pass; an answer that breaks off or cannot be read is not asked for again."""
CONNECT_SECONDS = 10
LARGEST_ANSWER = 4 * 2**20
SHOWN = 300
"""Characters of another service's message that are passed on."""

Sleep = Callable[[float], None]
Now = Callable[[], float]

logging.getLogger("httpx").setLevel(logging.WARNING)  # at INFO it writes every address


@dataclass(frozen=True)
class _Came:
    """What came back: a status and a whole body."""

    status: int
    kind: str
    body: bytes


class CortexAnalyst:
    """A reader that asks Cortex Analyst; what it gives is a statement of its own, or questions back."""

    name = NAME

    def __init__(self, settings: CortexSettings, *, sleep: Sleep = time.sleep, now: Now = time.monotonic) -> None:
        self._settings = settings
        self._sleep = sleep
        self._now = now

    def propose(self, question: str, history: Sequence[Turn]) -> Proposal | None:
        """Return what Cortex Analyst makes of a question.

        Raises:
            Unavailable: it refuses, fails, takes too long, cannot be reached, or says what cannot be read.
        """
        came = self._ask(self._request(question, history))
        if came.status != httpx.codes.OK:
            raise _refused(came)
        return _proposal(_content_of(came))

    def _request(self, question: str, history: Sequence[Turn]) -> dict[str, Any]:
        model = self._settings.semantic_model
        named = "semantic_model_file" if model.startswith("@") else "semantic_view"
        messages: list[dict[str, Any]] = []
        for turn in history:
            if turn.answer or turn.statement:  # roles must alternate: a question without an answer is left out
                messages += [_message("user", _text(turn.question)), _message("analyst", *_answer(turn))]
        return {
            "messages": [*messages, _message("user", _text(question))],
            named: model,
            "stream": self._settings.stream,
        }

    def _ask(self, request: Mapping[str, Any]) -> _Came:
        """Send a request, and again where that may help and there is time; the last answer or error counts."""
        until = self._now() + self._settings.timeout_seconds
        trying = Retrying(
            retry=retry_if_exception_type(TRANSIENT) | retry_if_result(_may_pass),
            wait=BACKOFF,
            stop=stop_after_attempt(TRIES) | stop_before_delay(self._settings.timeout_seconds * BEGINNING),
            sleep=self._sleep,
            retry_error_callback=lambda state: state.outcome and state.outcome.result(),
        )
        try:
            came: _Came = trying(self._send, request, until)
        except httpx.TimeoutException:
            raise _unavailable("timeout", f"no answer within {self._settings.timeout_seconds:g} s") from None
        except httpx.RemoteProtocolError:
            raise _unavailable("unreadable", "the answer broke off") from None
        except httpx.TransportError as error:
            raise _unavailable("unreachable", type(error).__name__) from None
        return came

    def _send(self, request: Mapping[str, Any], until: float) -> _Came:
        left = until - self._now()
        if left <= 0:
            raise httpx.ReadTimeout("there is no time left")
        limits = httpx.Timeout(left, connect=min(left, CONNECT_SECONDS))
        address = f"{self._settings.url}{MESSAGE}"
        with (
            httpx.Client(timeout=limits) as client,
            client.stream("POST", address, json=request, headers=self._headers()) as answer,
        ):
            return _Came(answer.status_code, answer.headers.get("Content-Type", ""), self._whole(answer, until))

    def _whole(self, answer: httpx.Response, until: float) -> bytes:
        """Return a body that comes piece by piece, within the time that is left."""
        body = bytearray()
        for piece in answer.iter_bytes():
            body += piece
            if self._now() > until:
                raise httpx.ReadTimeout("the answer takes too long")
            if len(body) > LARGEST_ANSWER:
                raise _unavailable("unreadable", "the answer is too large")
        return bytes(body)

    def _headers(self) -> dict[str, str]:
        return {
            "Authorization": f"Bearer {self._settings.token.get_secret_value()}",
            "X-Snowflake-Authorization-Token-Type": self._settings.token_type,
            "Accept": "text/event-stream" if self._settings.stream else "application/json",
        }


def iter_events(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield name and data of each server-sent event; one that no empty line ends is dropped, as the standard says."""
    name, data = "", list[str]()
    for line in lines:
        if not line:
            if data:
                yield name or "message", "\n".join(data)
            name, data = "", []
            continue
        key, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if key == "event":
            name = value
        elif key == "data":
            data.append(value)


def _content_of(came: _Came) -> list[Mapping[str, Any]]:
    """Return the blocks of an answer, put together where they came in pieces."""
    try:
        if "text/event-stream" in came.kind:
            return _assembled(came.body.decode())
        return list(_object(json.loads(came.body))["message"]["content"])
    except (ValueError, KeyError, TypeError) as error:
        raise _unavailable("unreadable", "the answer is not what the API promises") from error


def _assembled(text: str) -> list[Mapping[str, Any]]:
    blocks: dict[int, dict[str, Any]] = {}
    for name, data in iter_events(text.replace("\r\n", "\n").split("\n")):
        if name == "error":
            raise _unavailable("5xx", _shown(_object(json.loads(data)).get("message")))
        if name == "message.content.delta":
            _add(blocks, _object(json.loads(data)))
        elif name == "done" or (name == "status" and _object(json.loads(data)).get("status") == "done"):
            return [blocks[index] for index in sorted(blocks)]
    raise _unavailable("unreadable", "the stream broke off")


def _add(blocks: dict[int, dict[str, Any]], delta: Mapping[str, Any]) -> None:
    """Add a piece to its block; kinds of content that are not known are left out."""
    kind = delta["type"]
    if kind == "text":
        block = blocks.setdefault(delta["index"], {"type": kind, "text": ""})
        block["text"] += delta["text_delta"]
    elif kind == "sql":
        block = blocks.setdefault(delta["index"], {"type": kind, "statement": ""})
        block["statement"] += delta["statement_delta"]
        block["confidence"] = delta.get("confidence") or block.get("confidence")
    elif kind == "suggestions":
        block = blocks.setdefault(delta["index"], {"type": kind, "suggestions": []})
        piece, said = delta["suggestions_delta"], block["suggestions"]
        said += [""] * (piece["index"] + 1 - len(said))
        said[piece["index"]] += piece["suggestion_delta"]


def _proposal(content: Sequence[Mapping[str, Any]]) -> Proposal | None:
    try:
        text = " ".join(str(one["text"]) for one in content if one["type"] == "text").strip()
        statement = next((str(one["statement"]) for one in content if one["type"] == "sql"), "")
        used = next((one.get("confidence") or {} for one in content if one["type"] == "sql"), {})
        suggestions = tuple(
            str(question) for one in content if one["type"] == "suggestions" for question in one["suggestions"]
        )
        verified = used.get("verified_query_used")
    except (KeyError, TypeError, AttributeError) as error:
        raise _unavailable("unreadable", "the answer is not what the API promises") from error
    if not (statement or suggestions or text):
        return None
    return Proposal(NAME, statement=statement, text=text, suggestions=suggestions, verified_query=verified)


def _refused(came: _Came) -> Unavailable:
    said = ""
    with suppress(ValueError, TypeError):
        said = _shown(_object(json.loads(came.body)).get("message"))
    kind = "5xx" if httpx.codes.is_server_error(came.status) else "4xx"
    if not httpx.codes.is_error(came.status):
        kind = "unreadable"
    return _unavailable(kind, f"{came.status}{f' {said}' if said else ''}")


def _may_pass(came: _Came) -> bool:
    return came.status == httpx.codes.TOO_MANY_REQUESTS or httpx.codes.is_server_error(came.status)


def _unavailable(kind: str, detail: str) -> Unavailable:
    return Unavailable(
        f"Cortex Analyst: {detail}.",
        code=f"cortex_{kind}",
        next_action="The question goes to our own reader. CUSTOMER360_CORTEX=off stops asking Cortex Analyst.",
    )


def _object(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise TypeError("not an object")
    return value


def _shown(value: Any) -> str:
    return " ".join(str(value or "").split())[:SHOWN]


def _message(role: str, *content: Mapping[str, Any]) -> dict[str, Any]:
    return {"role": role, "content": list(content)}


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def _answer(turn: Turn) -> list[dict[str, Any]]:
    said = [_text(turn.answer)] if turn.answer else []
    return said + ([{"type": "sql", "statement": turn.statement}] if turn.statement else [])
