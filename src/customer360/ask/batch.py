"""Questions from a file, one JSON object a line, and what became of them as predictions, in the same order.

A question: ``{"id", "question", "previous": [...]}``. A prediction: ``{"id", "status", "columns", "rows", "text",
"sql"}``, with the ``reason`` where there is no answer.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field, ValidationError

from customer360.ask.answering import Answer, Conversation
from customer360.ask.sources import Source
from customer360.errors import Customer360Error, InvalidInput, NotFound

log = logging.getLogger(__name__)

Prediction = dict[str, Any]
STANDARD_INPUT = Path("-")


class BatchQuestion(BaseModel):
    """One line of a batch; keys that are not ours are left alone."""

    id: str | int
    question: str
    previous: tuple[str, ...] = Field(default=())


def read_batch(path: Path) -> list[BatchQuestion]:
    """Return the questions of a file, or of standard input where the path is ``-``; a pipe is read as a file is.

    Raises:
        NotFound: there is no such file.
        InvalidInput: a line is not a question.
    """
    if not path.exists() and path != STANDARD_INPUT:
        raise NotFound(f"{path} does not exist.", code="file_not_found", next_action="Give the path of a JSONL file.")
    if path.is_dir():
        raise InvalidInput(f"{path} is a folder.", code="invalid_batch", next_action="Give the path of a JSONL file.")
    text = sys.stdin.read() if path == STANDARD_INPUT else path.read_text(encoding="utf-8")
    lines = text.splitlines()
    return [_read_line(line, number, path) for number, line in enumerate(lines, 1) if line.strip()]


def _read_line(line: str, number: int, path: Path) -> BatchQuestion:
    try:
        return BatchQuestion.model_validate(json.loads(line))
    except (ValidationError, ValueError) as error:
        raise InvalidInput(
            f"{path}, line {number}: {str(error).splitlines()[0]}",
            code="invalid_batch",
            next_action='Write one JSON object a line: {"id": "1", "question": "…", "previous": []}.',
        ) from error


def answer_batch(source: Source, questions: Iterable[BatchQuestion]) -> Iterator[Prediction]:
    """Yield what became of each question; one that breaks is refused, and the rest go on."""
    for one in questions:
        yield _predict(source, one)


def _predict(source: Source, one: BatchQuestion) -> Prediction:
    """Answer one question; this is a worker's loop, so what breaks is logged and must not end it."""
    try:
        return _prediction(one, Conversation.replay(source, one.previous, suggest=False).ask(one.question))
    except Customer360Error as error:
        return _refusal(one, error.code, f"{error.message} {error.next_action}".strip())
    except Exception:
        log.exception("question %s broke", one.id)
        return _refusal(one, "internal_error", "Something went wrong on our side; nothing was worked out.")


def _prediction(one: BatchQuestion, answer: Answer) -> Prediction:
    return {
        "id": one.id,
        "status": answer.status,
        "columns": [column.name for column in answer.result.columns] if answer.result else [],
        "rows": answer.cells(),
        "text": answer.text,
        "sql": answer.result.sql if answer.result else "",
        "reason": answer.reason,
        "restatement": answer.restatement,
        "read_ms": answer.read_ms,
        "answer_ms": answer.answer_ms,
    }


def _refusal(one: BatchQuestion, reason: str, text: str) -> Prediction:
    return {"id": one.id, "status": "refuse", "columns": [], "rows": [], "text": text, "sql": "", "reason": reason}
