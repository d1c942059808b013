"""The seam for other readers of questions: what they may propose, and the one gate through which it goes.

Invariant: a reader proposes an interpretation as JSON, or shows a statement of its own as such. An interpretation is
validated, planned and compiled like one of the grammar's; nothing else that a reader says reaches an engine. Whoever
read the question is named, and so is whoever was asked before and did not answer, with the reason.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from sqlglot import exp

from customer360.ask.engine import Engine, Option, Read
from customer360.ask.followups import Context
from customer360.ask.frame import Frame
from customer360.ask.plan import plan_query
from customer360.ask.statements import read_select
from customer360.errors import InvalidQuery, Unavailable
from customer360.semantic import Item, compile_query

log = logging.getLogger(__name__)

GRAMMAR = "customer360-grammar"
"""The name of our own reader."""

Order = Literal["off", "unsure", "first"]
"""When another reader is asked: never, when the grammar does not answer, or before it."""


@dataclass(frozen=True)
class Turn:
    """A question of the conversation so far, with what it was answered by another reader where one did."""

    question: str
    answer: str = ""
    statement: str = ""


@dataclass(frozen=True)
class Proposal:
    """What another reader makes of a question: an interpretation to check, its own statement, or questions back."""

    reader: str
    frame: Mapping[str, Any] | None = None
    statement: str = ""
    text: str = ""
    suggestions: tuple[str, ...] = ()
    verified_query: Mapping[str, Any] | None = None


class QuestionReader(Protocol):
    """Somebody who reads questions."""

    name: str

    def propose(self, question: str, history: Sequence[Turn]) -> Proposal | None:
        """Return what a question may mean, or nothing.

        Raises:
            Unavailable: the reader cannot be asked; the code says whether it refused, failed, or did not answer.
        """


@dataclass(frozen=True)
class Attempt:
    """A reader that was asked: ``outcome`` is ok, abstained, refused (by our checks) or the code of its failure."""

    reader: str
    outcome: str
    detail: str = ""


@dataclass(frozen=True)
class Answered:
    """What became of a question, who read it, and who was asked in which order."""

    read: Read
    reader: str
    attempts: tuple[Attempt, ...]
    proposal: Proposal | None = None
    """What the reader said, where it was not the grammar."""

    @property
    def badge(self) -> str:
        """Who read the question, and who was asked before and why they did not answer."""
        missed = [f"{one.reader}: {one.outcome}" for one in self.attempts if one.reader != self.reader]
        return f"read by {self.reader}" + (f" ({'; '.join(missed)})" if missed else "")


def check_proposal(engine: Engine, question: str, proposal: Proposal, dialect: str = "duckdb") -> Read:
    """Return a reading from what another reader proposes, once it passed the checks that the grammar's pass.

    Raises:
        InvalidQuery: the interpretation does not fit the model, or the statement is not one SELECT.
    """
    if proposal.frame is not None:
        return _checked(engine, question, proposal, dialect)
    if proposal.statement:
        read_select(proposal.statement, "snowflake")
        return Read(question, "answer", message=proposal.text)
    options = tuple(Option(one, one) for one in proposal.suggestions)
    return Read(question, "clarify", "proposed_questions", proposal.text, options=options)


def _checked(engine: Engine, question: str, proposal: Proposal, dialect: str) -> Read:
    try:
        frame = Frame.model_validate(proposal.frame)
        query = plan_query(frame, engine.model, engine.activity)
        compiled = compile_query(engine.model, query, dialect)
    except (ValueError, TypeError, LookupError, AttributeError) as error:  # what planning a foreign frame may run into
        raise InvalidQuery("The proposed interpretation is not one.", code="invalid_proposal") from error
    if hidden := _hidden(engine, compiled.plan.statement.select):
        raise InvalidQuery(f"Questions may not name {hidden}.", code="pii")
    return Read(question, "answer", message=proposal.text, frame=frame, query=query)


def _hidden(engine: Engine, select: exp.Expr) -> str:
    """Return what a statement reads that the model keeps from questions, which the grammar has no words for."""
    model, extensions = engine.model, engine.lexicon.extensions
    silent = {table.name for table in model.definition.tables if not table.x_nl.asked}
    asked = [item for item in model.items if item.table not in silent and extensions[item.full_name].asked]
    kept = {column for item in model.items if item not in asked for column in _columns(item)}
    kept -= {column for item in asked for column in (item.name, *_columns(item))}
    tables = {model.tables[name].physical for name in silent}
    read = {column.name for column in select.find_all(exp.Column)} & kept
    return ", ".join(sorted(read | {table.name for table in select.find_all(exp.Table)} & tables))


def _columns(item: Item) -> set[str]:
    return {column.name for column in item.expression.find_all(exp.Column)}


def read_question(
    engine: Engine,
    question: str,
    previous: Context | None = None,
    *,
    history: Sequence[Turn] = (),
    other: QuestionReader | None = None,
    order: Order = "off",
) -> Answered:
    """Read a question with the grammar and, as ``order`` says, with another reader before or after it.

    A question that we refuse for what it tries is shown to nobody else; another reader's questions back do not replace
    ours.
    """
    read = read_grammar(engine, question, previous)
    ours = Attempt(GRAMMAR, "ok") if read.status == "answer" else Attempt(GRAMMAR, "abstained", read.reason)
    settled = read.status == "answer" and order != "first"
    if other is None or order == "off" or settled or read.reason in NEVER_PASSED_ON:
        return Answered(read, GRAMMAR, (ours,))
    theirs, proposal, attempt = _ask(engine, question, history, other)
    attempts = (attempt, ours) if order == "first" else (ours, attempt)
    if theirs is None:
        return Answered(read, GRAMMAR, attempts)
    return Answered(theirs, other.name, attempts[: attempts.index(attempt) + 1], proposal)


def read_grammar(engine: Engine, question: str, previous: Context | None = None) -> Read:
    """Read a question with the grammar; one on which it stumbles is not understood, and the log says which."""
    try:
        return engine.read(question, previous)
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        log.error("the grammar stumbled on %r", question, exc_info=error)
        return Read(question, "refuse", "not_understood", "This question was not understood.")


NEVER_PASSED_ON = frozenset({"write_operation", "sql_injection", "prompt_injection", "pii", "too_large"})
"""Reasons for which a question is not shown to anybody else."""


def _ask(
    engine: Engine, question: str, history: Sequence[Turn], other: QuestionReader
) -> tuple[Read | None, Proposal | None, Attempt]:
    """Return what another reader answers, if it does, and how that went."""
    try:
        proposal = other.propose(question, history)
        read = check_proposal(engine, question, proposal) if proposal else None
    except Unavailable as error:
        return None, None, Attempt(other.name, error.code, error.message)
    except InvalidQuery as error:
        return None, None, Attempt(other.name, "refused", error.message)
    if read is None or read.status != "answer":
        return None, None, Attempt(other.name, "abstained", read.message if read else "")
    return read, proposal, Attempt(other.name, "ok")
