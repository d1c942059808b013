"""What Cortex Analyst's REST API says on the wire: requests, answers, errors and the events of a stream.

Source: Snowflake's public OpenAPI file (snowflakedb/snowflake-rest-api-specs, cortex-analyst) and its page on the API.
Requests are strict about what the specification fixes; keys that it does not know are ignored, as a newer client may
send them. Of an analyst's earlier message, kinds of content that are not known are left out for the same reason.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from customer360.semantic.definition import LARGEST_MODEL

MAX_MESSAGES = 100
MAX_MODELS = 20
MODEL_KEYS = ("semantic_model_file", "semantic_model", "semantic_view", "semantic_models")
KNOWN_CONTENT = frozenset({"text", "sql", "suggestions", "results", "chart"})

TEXT_DELTA = 40
"""Characters of one delta: small enough that a client has to put several together."""
STATEMENT_DELTA = 80


class _Wire(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class VerifiedQueryUsed(_Wire):
    """The verified query that an answer rests on."""

    name: str = ""
    question: str = ""
    sql: str = ""
    verified_at: int | None = None
    verified_by: str | None = None


class Confidence(_Wire):
    """Whether a verified query was used; null where none was."""

    verified_query_used: VerifiedQueryUsed | None = None


class Text(_Wire):
    """Words."""

    type: Literal["text"] = "text"
    text: str


class Sql(_Wire):
    """A statement that the caller may run."""

    type: Literal["sql"] = "sql"
    statement: str
    confidence: Confidence | None = None


class Suggestions(_Wire):
    """Questions that can be answered."""

    type: Literal["suggestions"] = "suggestions"
    suggestions: list[str]


class Other(_Wire):
    """Content of an earlier answer that says nothing to us: results, charts."""

    type: Literal["results", "chart"]


Content = Annotated[Text | Sql | Suggestions | Other, Field(discriminator="type")]


class Message(_Wire):
    """One turn of a conversation."""

    role: Literal["user", "analyst"]
    content: list[Content] = Field(min_length=1)

    @field_validator("content", mode="before")
    @classmethod
    def _known_content(cls, value: Any, info: ValidationInfo) -> Any:
        if not isinstance(value, list):
            return value
        kinds = [one.get("type") if isinstance(one, dict) else getattr(one, "type", None) for one in value]
        if info.data.get("role") == "user":
            if others := [str(kind) for kind in kinds if kind != "text"]:
                raise ValueError(f"a user's content is of type text, not {others[0][:50]!r}")
            return value
        pairs = zip(value, kinds, strict=True)
        known = [one for one, kind in pairs if isinstance(kind, str) and kind in KNOWN_CONTENT]
        return known or [Text(text="")]

    @property
    def text(self) -> str:
        """The words of the message."""
        return "\n".join(one.text for one in self.content if isinstance(one, Text)).strip()


class ModelReference(_Wire):
    """Names one semantic model, by its file on a stage or as a view."""

    semantic_model_file: str | None = None
    semantic_view: str | None = None

    @model_validator(mode="after")
    def _one(self) -> ModelReference:
        if (self.semantic_model_file is None) == (self.semantic_view is None):
            raise ValueError("give either semantic_model_file or semantic_view")
        return self

    @property
    def name(self) -> str:
        """The model's name: the last part of the path, in lower case and without quotes or ending."""
        if self.semantic_view is not None:
            last = self.semantic_view.rstrip().rpartition(".")[2]
            return last.strip('"').casefold()
        last = (self.semantic_model_file or "").rstrip().rpartition("/")[2].casefold()
        return last.strip("@").removesuffix(".yaml").removesuffix(".yml")


class SendMessageRequest(_Wire):
    """A question with the conversation before it, and the model that it is about."""

    messages: list[Message] = Field(
        min_length=1, max_length=MAX_MESSAGES, description="Turns of user and analyst; the last is the user's"
    )
    semantic_model_file: str | None = Field(None, description="Path of a model's file on a stage; its name counts")
    semantic_model: str | None = Field(
        None, max_length=LARGEST_MODEL, description="A whole semantic model as YAML text, at most a million characters"
    )
    semantic_view: str | None = Field(None, description="Name of a semantic view; the last part counts")
    semantic_models: list[ModelReference] | None = Field(
        None, min_length=1, max_length=MAX_MODELS, description="Several models, of which one is chosen"
    )
    stream: bool = Field(False, strict=True, description="Whether the answer comes as server-sent events")
    operation: Literal["sql_generation", "answer_generation"] = Field(
        "sql_generation", description="Taken and warned about: statements are written, never run"
    )
    warehouse: str | None = Field(None, description="Taken and not used")
    semantic_sql: Literal["auto", "require", "disable"] = Field("auto", description="Taken; require is warned about")

    @model_validator(mode="after")
    def _one_model(self) -> SendMessageRequest:
        given = [name for name in MODEL_KEYS if getattr(self, name) is not None]
        if len(given) != 1:
            said = " and ".join(given) if given else "none"
            raise ValueError(f"give exactly one of {', '.join(MODEL_KEYS)}; given: {said}")
        return self

    @model_validator(mode="after")
    def _turns(self) -> SendMessageRequest:
        roles = [message.role for message in self.messages]
        if roles[-1] != "user":
            raise ValueError("the last message must be the user's")
        if any(one == following for one, following in pairwise(roles)):
            raise ValueError("messages of user and analyst must alternate")
        if not self.messages[-1].text:
            raise ValueError("the last message says nothing")
        return self

    @property
    def questions(self) -> list[str]:
        """What the user asked, in order."""
        return [message.text for message in self.messages if message.role == "user" and message.text]

    @property
    def references(self) -> list[ModelReference]:
        """The models that are named; none where one is given as text."""
        if self.semantic_models is not None:
            return self.semantic_models
        if self.semantic_model is not None:
            return []
        return [ModelReference(semantic_model_file=self.semantic_model_file, semantic_view=self.semantic_view)]


class SendFeedbackRequest(_Wire):
    """What somebody thinks of an answer."""

    request_id: str = Field(min_length=1, max_length=200, description="Id that came with the answer")
    positive: bool = Field(strict=True, description="Whether the answer was good")
    feedback_message: str | None = Field(None, max_length=10_000, description="More, in words")


class Warned(_Wire):
    """Something the caller should know."""

    message: str


class ModelSelection(_Wire):
    """Which of several models was chosen."""

    index: int
    identifier: dict[str, str]


class SendMessageResponse(_Wire):
    """The answer: words, then a statement or suggestions."""

    request_id: str
    message: Message
    warnings: list[Warned] = []
    semantic_model_selection: ModelSelection | None = None
    response_metadata: dict[str, Any] = {}


class ErrorResponse(_Wire):
    """Every error of this API, with the header X-Snowflake-Request-ID."""

    message: str
    code: str
    error_code: str
    request_id: str


Event = tuple[str, dict[str, Any]]
"""The name of a server-sent event and its data."""


def opening(request_id: str) -> Event:
    """Return the event with which a stream begins."""
    return _status("interpreting_question", "Interpreting question", request_id)


def iter_events(answer: SendMessageResponse) -> Iterator[Event]:
    """Yield the events of a stream after its opening: states, pieces of content, warnings, metadata, the end."""
    for index, content in enumerate(answer.message.content):
        if isinstance(content, Text):
            for piece in pieces(content.text, TEXT_DELTA):
                yield "message.content.delta", {"index": index, "type": "text", "text_delta": piece}
        elif isinstance(content, Sql):
            yield _status("generating_sql", "Generating SQL", answer.request_id)
            yield _status("validating_sql", "Validating SQL", answer.request_id)
            yield from _statement(index, content)
        elif isinstance(content, Suggestions):
            yield _status("generating_suggestions", "Generating suggestions", answer.request_id)
            yield from _suggestions(index, content)
    if answer.warnings:
        yield "warnings", {"warnings": [one.model_dump() for one in answer.warnings]}
    yield "response_metadata", {**answer.response_metadata, **_selected(answer)}
    yield _status("done", "Done", answer.request_id)
    yield "done", {}


def failing(error: ErrorResponse) -> Iterator[Event]:
    """Yield the events with which a stream ends that cannot go on."""
    yield "error", {"message": error.message, "code": error.code, "request_id": error.request_id}
    yield "done", {}


def encode(event: Event) -> str:
    """Return an event as it goes over the wire."""
    name, data = event
    return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"


def pieces(text: str, size: int) -> Sequence[str]:
    """Return a text cut into pieces; an empty one is one piece."""
    return [text[start : start + size] for start in range(0, len(text), size)] or [""]


def _status(status: str, message: str, request_id: str) -> Event:
    return "status", {"status": status, "status_message": message, "request_id": request_id}


def _statement(index: int, content: Sql) -> Iterator[Event]:
    parts = pieces(content.statement, STATEMENT_DELTA)
    for place, piece in enumerate(parts, start=1):
        data: dict[str, Any] = {"index": index, "type": "sql", "statement_delta": piece}
        if place == len(parts) and content.confidence is not None:
            data["confidence"] = content.confidence.model_dump()
        yield "message.content.delta", data


def _suggestions(index: int, content: Suggestions) -> Iterator[Event]:
    for place, suggestion in enumerate(content.suggestions):
        for piece in pieces(suggestion, TEXT_DELTA):
            delta = {"index": place, "suggestion_delta": piece}
            yield "message.content.delta", {"index": index, "type": "suggestions", "suggestions_delta": delta}


def _selected(answer: SendMessageResponse) -> dict[str, Any]:
    """Return which model was chosen, which has no event of its own."""
    chosen = answer.semantic_model_selection
    return {"semantic_model_selection": chosen.model_dump()} if chosen else {}
