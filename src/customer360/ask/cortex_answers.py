"""Answers a message of Cortex Analyst's API: conversation in, words and a statement or suggestions out.

The statement is not run. What the API has no place for (interpretation, reason, corrections, who was asked) is in the
metadata under ``customer360``.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from customer360.ask.cortex_wire import (
    Confidence,
    Content,
    Message,
    ModelReference,
    ModelSelection,
    SendMessageRequest,
    SendMessageResponse,
    Sql,
    Suggestions,
    Text,
    VerifiedQueryUsed,
    Warned,
)
from customer360.ask.engine import Read
from customer360.ask.followups import Context
from customer360.ask.guide import Guide
from customer360.ask.readers import (
    NEVER_PASSED_ON,
    Answered,
    Attempt,
    Order,
    Proposal,
    QuestionReader,
    Turn,
    read_grammar,
    read_question,
)
from customer360.ask.sources import Engines
from customer360.ask.statements import write_physical, write_statement
from customer360.ask.wording import restate
from customer360.errors import InvalidDefinition, InvalidInput, InvalidQuery
from customer360.semantic import Reading, SemanticModel
from customer360.semantic.definition import VerifiedQuery
from customer360.semantic.verified import verified_statement

MODEL_SUFFIX = "_semantic_model"
VERIFIED = "verified-query"
"""The name of the reader that knows a question by heart."""
CATEGORIES = {"answer": "CLEAR_SQL", "clarify": "UNCLEAR", "refuse": "UNCLEAR"}


@dataclass(frozen=True)
class Answerer:
    """Answers messages about one build, by the grammar and perhaps another reader."""

    reading: Reading
    engines: Engines
    other: QuestionReader | None = None
    order: Order = "off"

    def answer(self, request: SendMessageRequest, request_id: str) -> SendMessageResponse:
        """Return the answer to the last message of a conversation.

        Raises:
            InvalidInput: a model that is named is not served, or one that is given does not fit the data.
        """
        started = time.perf_counter()
        guides = self.models(request)
        answers = [self._read(one, request) for one in guides]
        chosen = min(range(len(answers)), key=lambda place: _PREFERENCE[answers[place].read.status])
        answered, guide = answers[chosen], guides[chosen]
        content, notes = self._content(guide, answered)
        return SendMessageResponse(
            request_id=request_id,
            message=Message(role="analyst", content=content),
            warnings=[Warned(message=one) for one in (*_ignored(request), *notes, *_told(answered))],
            semantic_model_selection=_selection(request, chosen),
            response_metadata=self._metadata(answered, round(1000 * (time.perf_counter() - started))),
        )

    def models(self, request: SendMessageRequest) -> list[Guide]:
        """Return the guide of each model that a request names or holds.

        Raises:
            InvalidInput: one of them is not served, or is no sound model.
        """
        if request.semantic_model is not None:
            return [self.engines.guide_of_text(self.reading, request.semantic_model)]
        return [self.engines.guide(self._named(reference)) for reference in request.references]

    def _named(self, reference: ModelReference) -> Reading:
        """Return the reading by the model that a client names."""
        served: list[str] = []
        for name in self.reading.build.models:
            reading = self.reading.by_model(name)
            known = names_of(reading.model) | {name}
            if reference.name in known:
                return reading
            served += sorted(known)
        raise _not_served(reference, served)

    def _read(self, guide: Guide, request: SendMessageRequest) -> Answered:
        previous: Context | None = None
        *before, question = request.questions
        for earlier in before:
            read = read_grammar(guide.engine, earlier, previous)
            previous = Context(read.frame) if read.frame else previous
        other = None if self._is_besides(guide.model) else self.other
        return self._verified(guide, question) or read_question(
            guide.engine, question, previous, history=_turns(request), other=other, order=self.order
        )

    def _is_besides(self, model: SemanticModel) -> bool:
        """Tell whether a model is the build's and not that of customers, which is the one that others read by."""
        names = self.reading.build.models
        return model != self.reading.model and any(self.reading.by_model(one).model == model for one in names)

    def _verified(self, guide: Guide, question: str) -> Answered | None:
        """Return the verified query of exactly this question, where there is one and this build takes it."""
        verified = find_verified(guide.model, question)
        read = read_grammar(guide.engine, question)
        if verified is None or read.reason in NEVER_PASSED_ON:
            return None
        statement = self._verified_statement(guide.model, verified.sql)
        if not statement:
            return None
        proposal = Proposal(VERIFIED, statement=statement, verified_query=verified.model_dump())
        said = f"This question was verified, as “{verified.name}”."
        answer = replace(read, status="answer", reason="", message=said, options=())
        return Answered(answer, VERIFIED, (Attempt(VERIFIED, "ok"),), proposal)

    def _verified_statement(self, model: SemanticModel, sql: str) -> str:
        """Return a verified query as the statement that this build takes, or nothing.

        Its columns may be those of the tables, or names of the model for what is worked out from them.
        """
        warehouse, suffix = self.reading.build.warehouse, self.reading.build.schema_suffix
        for write in (write_physical, verified_statement):
            with suppress(InvalidQuery, InvalidDefinition):
                statement = write(model, sql, warehouse.dialect, schema_suffix=suffix)
                warehouse.explain(statement)
                return statement
        return ""

    def _content(self, guide: Guide, answered: Answered) -> tuple[list[Content], list[str]]:
        """Return the blocks of an answer, and what to warn of."""
        read, proposal = answered.read, answered.proposal
        if read.status != "answer":
            asked_back = _runnable(guide, read) or guide.nearest(read.question)
            content: list[Content] = [Text(text=read.message)]
            return content + ([Suggestions(suggestions=asked_back)] if asked_back else []), []
        text = Text(text=_said(answered, guide.model))
        if proposal is None or not proposal.statement:
            return [text, Sql(statement=self._statement(guide, read), confidence=Confidence())], []
        used = proposal.verified_query
        confidence = Confidence(verified_query_used=VerifiedQueryUsed.model_validate(used) if used else None)
        note = f"The statement was written by {answered.reader}; it was not checked against this model."
        notes = [] if answered.reader == VERIFIED else [note]
        return [text, Sql(statement=proposal.statement, confidence=confidence)], notes

    def _statement(self, guide: Guide, read: Read) -> str:
        """Return the statement of a reading, which the engine has taken."""
        if read.query is None:
            raise InvalidQuery("There is no query.")
        build = self.reading.build
        statement = write_statement(guide.model, read.query, build.warehouse.dialect, schema_suffix=build.schema_suffix)
        build.warehouse.explain(statement)
        return statement

    def _metadata(self, answered: Answered, milliseconds: int) -> dict[str, Any]:
        read = answered.read
        ours = {
            "engine": answered.reader,
            "badge": answered.badge,
            "status": read.status,
            "reason": read.reason,
            "frame": read.frame.model_dump(mode="json", exclude_defaults=True) if read.frame else None,
            "corrections": [list(pair) for pair in read.corrections],
            "assumptions": list(read.frame.assumptions) if read.frame else [],
            "options": [{"label": one.label, "question": one.question} for one in read.options],
            "attempts": [{"reader": a.reader, "outcome": a.outcome, "detail": a.detail} for a in answered.attempts],
            "build_id": self.reading.build.build_id,
            "as_of_date": self.reading.record.as_of.isoformat(),
        }
        return {
            "model_names": [answered.reader],
            "question_category": CATEGORIES[read.status],
            "cortex_search_retrieval": [],
            "is_semantic_sql": False,
            "analyst_orchestration_path": answered.reader,
            "analyst_latency_ms": milliseconds,
            "customer360": ours,
        }


_PREFERENCE = {"answer": 0, "clarify": 1, "refuse": 2}


def names_of(model: SemanticModel) -> frozenset[str]:
    """Return the names by which a client may mean a model: its own, and without what all such names end with."""
    name = model.name.casefold()
    return frozenset({name, name.removesuffix(MODEL_SUFFIX)})


def find_verified(model: SemanticModel, question: str) -> VerifiedQuery | None:
    """Return the verified query of exactly this question; case, spaces and the sign at its end do not count."""
    wanted = _normalised(question)
    return next((one for one in model.definition.verified_queries if _normalised(one.question) == wanted), None)


def _normalised(question: str) -> str:
    return re.sub(r"\s+", " ", question).strip(" ?.!").casefold()


def _not_served(reference: ModelReference, served: Sequence[str]) -> InvalidInput:
    given = reference.semantic_view or reference.semantic_model_file
    return InvalidInput(
        f"The semantic model {str(given)[:200]!r} is not served here.",
        code="no_such_model",
        next_action=f"Available: {', '.join(served)}; the last part of a path or view name counts.",
    )


def _turns(request: SendMessageRequest) -> list[Turn]:
    """Return the conversation before the last question."""
    turns: list[Turn] = []
    for message in request.messages[:-1]:
        if message.role == "user":
            turns.append(Turn(message.text))
        elif turns:
            statement = next((one.statement for one in message.content if isinstance(one, Sql)), "")
            turns[-1] = Turn(turns[-1].question, message.text, statement)
    return turns


def _said(answered: Answered, model: SemanticModel) -> str:
    """Return in words how a question was read, from its interpretation, or what another reader says of its own."""
    if answered.read.frame is None:
        return answered.read.message or "This is how the question was understood."
    parts = [f"This is how the question was read: {restate(answered.read.frame, model)}"]
    parts += [f"“{typed}” was read as “{meant}”." for typed, meant in answered.read.corrections]
    parts += [one if one.endswith(".") else f"{one}." for one in answered.read.frame.assumptions]
    return " ".join(parts)


def _told(answered: Answered) -> list[str]:
    """Return who was asked and did not answer, where that was another reader than the one who did."""
    missed = [one for one in answered.attempts if one.reader != answered.reader]
    return [
        f"{one.reader} did not answer ({one.outcome}{f': {one.detail}' if one.detail else ''}); "
        f"the question was read by {answered.reader}."
        for one in missed
    ]


def _runnable(guide: Guide, read: Read) -> list[str]:
    """Return the questions that a question may have meant, those of them that stand on their own."""
    options = [one.question for one in read.options]
    return [one for one in options if read_grammar(guide.engine, one).status == "answer"]


def _ignored(request: SendMessageRequest) -> Sequence[str]:
    """Return what a request asks for that is not done here."""
    found = []
    if request.operation == "answer_generation":
        found.append("operation answer_generation is not supported: the statement is returned and not run.")
    if request.semantic_sql == "require":
        found.append("semantic_sql is not supported: the statement is over the tables themselves.")
    return found


def _selection(request: SendMessageRequest, chosen: int) -> ModelSelection | None:
    if request.semantic_models is None:
        return None
    named = request.semantic_models[chosen].model_dump(exclude_none=True)
    return ModelSelection(index=chosen, identifier=named)
