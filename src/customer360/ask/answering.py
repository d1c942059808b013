"""The answer to a question: what was understood, the rows with their SQL, how complete they are, what to ask next.

Invariant: an answer's sentence comes from the interpretation and the rows alone, so that it cannot say more than the
SQL. The same build and the same conversation give the same answer.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from customer360.ask.chart import Chart, propose_chart
from customer360.ask.engine import Option, Read, Status
from customer360.ask.followups import LOST, Context
from customer360.ask.frame import Frame
from customer360.ask.outcome import describe_outcome
from customer360.ask.sources import Source
from customer360.ask.suggesting import find_alternatives, find_nearest, find_options, propose_next
from customer360.ask.wording import restate
from customer360.errors import Customer360Error
from customer360.semantic import SemanticModel, SemanticQuery, SemanticResult

READ_BY = "local grammar"
KEPT_ROWS = 20
"""Rows of an answer that a follow-up such as "the second one" can mean."""

BESIDES = frozenset({"pii", "write_operation", "sql_injection", "prompt_injection", "out_of_scope"})
"""Why what is no question about the data is refused."""

UNKNOWN = frozenset({"no_such_field", "not_understood", "missing_slots"})
"""Why a question is not answered that another model may answer."""


@dataclass(frozen=True)
class Answer:
    """What became of a question, with all that shows how."""

    question: str
    status: Status
    text: str
    source: Source
    reason: str = ""
    options: tuple[Option, ...] = ()
    read: Read | None = None
    restatement: str = ""
    assumptions: tuple[str, ...] = ()
    result: SemanticResult | None = None
    chart: Chart | None = None
    alternatives: tuple[Option, ...] = ()
    next_questions: tuple[str, ...] = ()
    read_ms: float = 0.0
    answer_ms: float = 0.0
    read_by: str = field(default=READ_BY)

    def as_dict(self) -> dict[str, Any]:
        """Return the answer with values fit for JSON."""
        read, result = self.read, self.result
        return {
            "status": self.status,
            "question": self.question,
            "text": self.text,
            "reason": self.reason,
            "restatement": self.restatement,
            "assumptions": list(self.assumptions),
            "corrections": [{"typed": typed, "read": meant} for typed, meant in read.corrections] if read else [],
            "options": [vars(one) for one in self.options],
            "alternatives": [vars(one) for one in self.alternatives],
            "next_questions": list(self.next_questions),
            "interpretation": _plain(read.frame) if read else None,
            "query": _plain(read.query) if read else None,
            "build_id": self.source.build_id,
            "as_of_date": self.source.as_of.isoformat(),
            "currency": self.source.figures.currency,
            "chart": vars(self.chart) | {"y": list(self.chart.y)} if self.chart else None,
            "read_by": self.read_by,
            "read_ms": self.read_ms,
            "answer_ms": self.answer_ms,
            **_rows_of(result),
        }

    def cells(self) -> list[list[Any]]:
        """Return the rows as lists, with values fit for JSON."""
        return [list(row.values()) for row in self.result.rows()] if self.result else []


def _rows_of(result: SemanticResult | None) -> dict[str, Any]:
    if result is None:
        return {
            "columns": [],
            "rows": [],
            "rows_returned": 0,
            "rows_available": 0,
            "truncated": False,
            "sql": "",
            "parameters": [],
        }
    told = result.as_dict()
    return {
        name: told[name]
        for name in ("columns", "rows", "rows_returned", "rows_available", "truncated", "sql", "parameters")
    }


def _plain(part: Any) -> dict[str, Any] | None:
    return part.model_dump(mode="json", exclude_defaults=True) if part is not None else None


class Conversation:
    """Questions to one source, each of which may lean on the one before."""

    def __init__(self, source: Source, *, suggest: bool = True) -> None:
        self.source = source
        self.suggest = suggest
        self.context: Context | None = None
        self._before: Context | None = None

    @classmethod
    def replay(cls, source: Source, previous: Sequence[str], *, suggest: bool = True) -> Conversation:
        """Return the conversation that stands after these questions."""
        conversation = cls(source, suggest=False)
        for question in previous:
            conversation.ask(question)
        conversation.suggest = suggest
        return conversation

    def ask(self, question: str) -> Answer:
        """Answer a question.

        After one that is not answered nothing can be leant on, lest a follow-up be taken for one on an older question;
        but what is no question about the data leaves the conversation as it was.

        Raises:
            QueryTimeout: the query took too long.
        """
        started = time.perf_counter()
        read = self.source.engine.read(question, self.context)
        read_ms = _milliseconds(started)
        if read.frame is not None and read.query is not None:
            answer = self._answered(read, read.frame, read.query)
        else:
            answer = self._asked_back(read)
        return replace(answer, read_ms=read_ms, answer_ms=_milliseconds(started))

    def pick(self, question: str) -> Answer:
        """Answer a question that was proposed, in the place of the one that was not answered."""
        if self.context is LOST:
            self.context = self._before
        return self.ask(question)

    def _answered(self, read: Read, frame: Frame, query: SemanticQuery) -> Answer:
        source = self.source
        try:
            result = source.ask(query)
        except Customer360Error as error:
            if error.status >= 500:
                raise
            return Answer(
                read.question, "refuse", f"{error.message} {error.next_action}".strip(), source, error.code, read=read
            )
        outcome = describe_outcome(frame, source, result)
        restatement = restate(frame, source.model, source.figures)
        answer = Answer(
            question=read.question,
            status="answer",
            text=" ".join(_sentences(restatement, outcome.text, frame, read, self.source.model)),
            source=source,
            reason=outcome.reason,
            read=read,
            restatement=restatement,
            assumptions=frame.assumptions,
            result=result,
            chart=propose_chart(frame, source.model, result),
            alternatives=find_alternatives(source.engine, read, self.context) if self.suggest else (),
            next_questions=propose_next(source, frame, result) if self.suggest else (),
        )
        self.context = Context(frame, tuple(result.rows()[:KEPT_ROWS]))
        return answer

    def _asked_back(self, read: Read) -> Answer:
        before = self._before if self.context is LOST else self.context
        options = find_options(self.source.guide, read, before) if self.suggest else read.options
        nearest = find_nearest(self.source.guide, read, before) if self.suggest and not options else ()
        self._before = before
        if read.reason not in BESIDES:
            self.context = LOST
        return Answer(
            question=read.question,
            status=read.status,
            text=" ".join([*_corrections(read, self.source.model), read.message, *self._answered_elsewhere(read)]),
            source=self.source,
            reason=read.reason,
            options=options if read.status == "clarify" else (),
            alternatives=nearest,
            read=read,
        )

    def _answered_elsewhere(self, read: Read) -> list[str]:
        """Say which other model answers what this one does not know."""
        other = self.source.elsewhere(read.question) if self.suggest and read.reason in UNKNOWN else ""
        return [f"The model {other} answers this."] if other else []


def _sentences(restatement: str, outcome: str, frame: Frame, read: Read, model: SemanticModel) -> list[str]:
    """Return what an answer says, in order: what was read, what came out, what to know about it."""
    is_figure = outcome.startswith(":")
    first = f"{restatement.removesuffix('.')}{outcome}" if is_figure else restatement
    assumed = [f"Assuming: {one}" for one in frame.assumptions]
    return [one for one in (first, "" if is_figure else outcome, *assumed, *_corrections(read, model)) if one]


def _corrections(read: Read, model: SemanticModel) -> list[str]:
    assumed = {one.term for one in model.definition.x_nl.paraphrases}
    return [
        f"Assumed that “{typed}” means “{meant}”." if typed in assumed else f"Read “{typed}” as “{meant}”."
        for typed, meant in read.corrections
    ]


def _milliseconds(started: float) -> float:
    return round(1000 * (time.perf_counter() - started), 1)
