"""Reads questions: a pure function of the question, the conversation, the model and the values of one build.

A reading is an interpretation with its query, or what to ask back, or why the question is refused. The interpretation
is kept only when every word is explained, when it fits the model, and when no other reading of the same rank means
something else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Literal

from customer360.ask.chunks import Candidate, Chunk
from customer360.ask.dates import Window
from customer360.ask.followups import LOST, Context, amend, asks_part, changes_it, leans, refers
from customer360.ask.forms import read_frame
from customer360.ask.frame import Frame
from customer360.ask.grammar.rules import reduce_chunks
from customer360.ask.guard import refuse
from customer360.ask.homonyms import done, several_fields
from customer360.ask.lexicon import Ambiguous, Lexicon, Missing, Values, build_lexicon, date_of, is_numeric
from customer360.ask.naming import upper
from customer360.ask.plan import plan_query
from customer360.ask.segment import find_candidates, is_explained, kinds_in, readings, unexplained
from customer360.ask.slots import NotUnderstood
from customer360.ask.spelling import Speller
from customer360.ask.words import Word, read_words
from customer360.errors import InvalidQuery
from customer360.semantic import AllOf, SemanticModel, SemanticQuery, compile_query

Status = Literal["answer", "clarify", "refuse"]


@dataclass(frozen=True)
class Option:
    """One thing a question may have meant, as a question that means only this."""

    label: str
    question: str


@dataclass(frozen=True)
class Read:
    """What became of a question."""

    question: str
    status: Status
    reason: str = ""
    message: str = ""
    frame: Frame | None = None
    query: SemanticQuery | None = None
    corrections: tuple[tuple[str, str], ...] = ()
    options: tuple[Option, ...] = ()


@dataclass
class Engine:
    """The reader of one build's questions."""

    model: SemanticModel
    values: Values
    newest: date
    oldest: date | None = None
    lexicon: Lexicon = field(init=False)

    def __post_init__(self) -> None:
        self.lexicon = build_lexicon(self.model, self.values, self.newest)
        self.speller = Speller(self.lexicon)
        self.activity = _activities(self.model)

    def read(self, question: str, previous: Context | None = None) -> Read:
        """Return what a question means, given what the last one meant."""
        refused = refuse(question)
        if refused:
            return Read(question, "refuse", refused.reason, refused.say)
        text, reworded = self._reworded(question)
        words, misspelt = self.speller.correct(read_words(text))
        corrections = [*reworded, *misspelt]
        candidates = find_candidates(words, self.lexicon, self.newest)
        told = tuple(corrections)
        meant = " ".join(word.typed for word in words) if misspelt else question
        blind = unexplained(candidates)
        if blind and is_explained(words, candidates, blind):
            told += tuple((one.text, "what is said of it") for one in blind)
            candidates, blind = [one for one in candidates if one not in blind], []
        if blind:
            return self._unexplained(question, blind)
        return replace(self._read(meant, words, candidates, previous, told), question=question)

    def _read(
        self,
        question: str,
        words: Sequence[Word],
        candidates: Sequence[Candidate],
        previous: Context | None,
        told: tuple[tuple[str, str], ...],
    ) -> Read:
        """Try the question as a whole one and as a follow-up, in the order in which it looks like either."""
        kinds = {entry.kind for one in candidates for entry in one.entries}
        starts = previous is None and _CONTINUES.match(question) is not None and not kinds & _MEASURED
        starts = starts or (previous is None and changes_it(question))
        if starts or (previous is None and leans(question) and not kinds & (_WHOLE | {"ENTITY", "FIELD", "OPEN"})):
            return Read(question, "clarify", "no_context", _ASKED_BACK["no_earlier"])
        if previous is None and refers(question) and (asks_part(question) or _begins_with_pronoun(candidates)):
            return Read(question, "clarify", "no_context", _ASKED_BACK["no_earlier"])
        failed: list[Read] = []
        for context in _ways(question, kinds, previous):
            read = self._read_once(question, words, candidates, context, told)
            if read.status == "answer":
                return read
            failed.append(read)
        lost = previous is None or previous is LOST
        open_ended = ("missing_slots", "not_understood", *(() if "ENTITY" in kinds else ("missing_measure",)))
        if lost and leans(question) and failed[0].reason in open_ended:
            return Read(question, "clarify", "no_context", _ASKED_BACK["no_earlier"])
        return failed[0]

    def _read_once(
        self,
        question: str,
        words: Sequence[Word],
        candidates: Sequence[Candidate],
        context: Context | None,
        told: tuple[tuple[str, str], ...],
    ) -> Read:
        """Read in one way; where that fails, once more for each long phrase as if it were none."""
        failed = self._read_as(question, words, candidates, context, told)
        if failed.status == "answer":
            return failed
        for again in self._without_phrases(words, candidates):
            read = failed if unexplained(again) else self._read_as(question, words, again, context, told)
            if read.status == "answer":
                return read
            if failed.reason == "not_understood" and read.reason == "ambiguous_term":
                failed = read  # what can be asked back says more
        return failed

    def _without_phrases(self, words: Sequence[Word], candidates: Sequence[Candidate]) -> Iterator[list[Candidate]]:
        """Yield the phrases without a long one of them, then without another, too, that appears in its place."""
        phrases = [one for one in candidates if self._may_be_none(one)]
        first = [(one, find_candidates(words, self.lexicon, self.newest, split=(one,))) for one in phrases]
        yield from (again for _, again in first)
        for one, again in first:
            for other in again:
                if other not in candidates and self._may_be_none(other):
                    yield find_candidates(words, self.lexicon, self.newest, split=(one, other))

    def _may_be_none(self, phrase: Candidate) -> bool:
        """Tell whether a phrase of several words may be read as if it were none.

        Names of fields never, but for "monthly spend", which may be spend by month, "spend growth" and "total
        transactions", which may be those of all customers.
        """
        entry = phrase.entries[0]
        bound = entry.kind == "OP" and phrase.text.casefold().endswith(("least", "most"))
        if phrase.last - phrase.first < 2 or entry.kind not in _SPLIT or bound:
            return False
        if entry.kind != "FIELD":
            return True
        extension = self.lexicon.extensions[entry.data.full_name]
        if extension.change_of or extension.total_of or extension.days_of:
            return True
        inside = kinds_in(phrase, self.lexicon)
        return "GRAIN" in inside or ("METRIC" in inside and not is_numeric(entry.data))

    def _read_as(
        self,
        question: str,
        words: Sequence[Word],
        candidates: Sequence[Candidate],
        context: Context | None,
        told: tuple[tuple[str, str], ...],
    ) -> Read:
        found: list[tuple[int, Frame, SemanticQuery]] = []
        failures: list[NotUnderstood] = []
        for rank, chunks in readings(candidates, following=context is not None):
            if found and rank > found[0][0]:
                break
            try:
                frame, query = self._interpret(question, chunks, context)
            except NotUnderstood as error:
                failures.append(error)
            else:
                if all(not _is_same(query, known) for _, _, known in found):
                    found.append((rank, frame, query))
        found = self._preferred(_least_changed(found, context), words, candidates)
        if len(found) > 1:
            return replace(self._several(question, candidates), corrections=told)
        if not found:
            return self._failed(question, candidates, failures, told)
        return Read(question, "answer", frame=found[0][1], query=found[0][2], corrections=told)

    def _preferred(
        self, found: list[tuple[int, Frame, SemanticQuery]], words: Sequence[Word], candidates: Sequence[Candidate]
    ) -> list[tuple[int, Frame, SemanticQuery]]:
        """Return the only reading that takes a name of several fields for what was done, or all readings."""
        if len(found) < 2:
            return found
        deeds = {name.partition(".")[0] for name in self.activity.values()}
        chosen = done(words, candidates, [frame for _, frame, _ in found], deeds)
        return [one for one in found if chosen is None or one[1] is chosen]

    def _several(self, question: str, candidates: Sequence[Candidate]) -> Read:
        """Ask which of several readings is meant: of a name that several fields have, which field."""
        for one, values in several_fields(candidates):
            names = [value.item.label.lower() for value in values]
            options = tuple(
                Option(f"{name.capitalize()} {one.text}", upper(question.replace(one.text, said)))
                for name in names
                for said in (f"{name} {one.text}", f"{one.text} {name}")
            )
            asked = f"“{one.text}” can be a value of several fields: {' or '.join(names)}. Which one?"
            return Read(question, "clarify", "ambiguous_term", asked, options=options)
        return Read(question, "clarify", "ambiguous_term", "This can be read in several ways.")

    def _reworded(self, question: str) -> tuple[str, list[tuple[str, str]]]:
        """Put what the model says a phrase means in its place."""
        told: list[tuple[str, str]] = []
        for one in self.model.definition.x_nl.paraphrases:
            pattern = re.compile(rf"\b{re.escape(one.term)}\b", re.IGNORECASE)
            if pattern.search(question):
                question = pattern.sub(one.say, question)
                told.append((one.term, one.say))
        return question, told

    def _interpret(
        self, question: str, chunks: Sequence[Chunk], context: Context | None
    ) -> tuple[Frame, SemanticQuery]:
        """Return what chunks mean, as a frame that fits the model and the days of the data."""
        in_money = [one for one in chunks if one.kind == "INMONEY"]
        reduced = [*reduce_chunks(self.lexicon, [one for one in chunks if one not in in_money]), *in_money]
        if context is None:
            frame = read_frame(self.lexicon, reduced)
        else:
            frame = amend(self.lexicon, context, question, reduced)
        try:
            query = plan_query(frame, self.model, self.activity)
            compile_query(self.model, query, "duckdb")
        except InvalidQuery as error:
            raise NotUnderstood(error.message, error.code or "not_understood") from error
        self._require_days(frame)
        return frame, query

    def _require_days(self, frame: Frame) -> None:
        """Refuse days of which nothing is known, because their figures would look like zero."""
        done = any(not clause.negated and clause.window for clause in frame.clauses)
        clauses = [one for one in frame.clauses if not (done and one.negated and self._is_before_all(one.window))]
        windows = [frame.window, *(clause.window for clause in (*clauses, *frame.of_whom, *frame.part_clauses))]
        windows += list(frame.comparison.windows) if frame.comparison else []
        about_activity = not frame.window_field or frame.window_field in self.activity.values()
        for window in windows:
            late = window is not None and window.start is not None and window.start > self.newest
            early = (
                window is not None and window.end is not None and self.oldest is not None and window.end < self.oldest
            )
            if window is not None and (late or (early and about_activity)):
                raise NotUnderstood(window.label, "outside_data_range")

    def _is_before_all(self, window: Window | None) -> bool:
        """Tell whether a window ends before the first day of the data: nobody did anything in it."""
        return window is not None and window.end is not None and self.oldest is not None and window.end < self.oldest

    def _failed(
        self,
        question: str,
        candidates: Sequence[Candidate],
        failures: Sequence[NotUnderstood],
        told: tuple[tuple[str, str], ...],
    ) -> Read:
        error = failures[0] if failures else NotUnderstood(question)
        meant = next((one for one in candidates for entry in one.entries if entry.kind == "AMBIGUOUS"), None)
        if meant is not None:
            return self._ambiguous(question, meant)
        if error.reason == "outside_data_range":
            since = f"{self.oldest:%-d %B %Y} to " if self.oldest else ""
            say = f"There are no data {error.text}: the data range from {since}{self.newest:%-d %B %Y}."
            return Read(question, "refuse", error.reason, say, corrections=told)
        if error.reason in _ASKED_BACK:
            asked = _ASKED_BACK[error.reason].format(text=error.text)
            return Read(question, "clarify", error.reason, asked, corrections=told)
        if error.reason == "unreachable":
            said = f"This cannot be worked out by {error.text}: what it is a figure of has many of them, or none."
        else:
            said = error.text if error.reason in _SAID else f"I could not place “{error.text}” in this question."
        return Read(question, "refuse", error.reason, said, corrections=told)

    def _unexplained(self, question: str, blind: Sequence[Candidate]) -> Read:
        """Say which words nothing explains, and what the glossary says of them."""
        kinds = {one.entries[0].kind: one for one in reversed(blind)}
        if "MISSING" in kinds:
            return self._missing(question, kinds["MISSING"])
        if "VAGUE" in kinds:
            asked = _ASKED_BACK["missing_threshold"].format(text=kinds["VAGUE"].text)
            return Read(question, "clarify", "missing_threshold", asked)
        if "UNKNOWN" in kinds:
            return self._unknown(question, [one for one in blind if one.entries[0].kind == "UNKNOWN"])
        return self._ambiguous(question, kinds["AMBIGUOUS"])

    def _missing(self, question: str, candidate: Candidate) -> Read:
        missing: Missing = candidate.entries[0].data
        return Read(question, "refuse", missing.reason, f"“{candidate.text}”: {missing.say}")

    def _unknown(self, question: str, candidates: Sequence[Candidate]) -> Read:
        names = ", ".join(f"“{one.text}”" for one in candidates)
        are = "is not something" if len(candidates) == 1 else "are not anything"
        return Read(question, "refuse", "no_such_field", f"{names} {are} this model knows, so there is no answer.")

    def _ambiguous(self, question: str, candidate: Candidate) -> Read:
        term: Ambiguous = next(one.data for one in candidate.entries if one.kind == "AMBIGUOUS")
        options = tuple(Option(label, question.replace(candidate.text, say)) for label, say in term.options)
        labels = " or ".join(label for label, _ in term.options)
        return Read(
            question,
            "clarify",
            "ambiguous_term",
            f"“{candidate.text}” can mean several things: {labels}. Which one?",
            options=options,
        )


_CONTINUES = re.compile(r"^\W*(?:and|but|(?:and )?(?:what|how) about)\b", re.IGNORECASE)
_GOES_ON = re.compile(r"^\W*(?:and|but)\b(?! (?:how|what|which|who is|who are|show|list))", re.IGNORECASE)
_MEASURED = frozenset({"COUNT", "METRIC", "AGG", "SHARE", "HOWMUCH", "LIST", "SUP", "TOP"})
_WHOLE = frozenset({"COUNT", "METRIC", "LIST", "WHICH", "WHAT", "WHO", "SHARE", "AGG", "HOWMUCH"})
"""Kinds of words without which a question that leans on another is not a whole one."""
_SAID = frozenset({"unsafe_aggregation", "unreachable_field", "invalid_query", "wrong_kind_of_field", "invalid_value"})
"""Reasons whose text is a sentence already."""
_SPLIT = frozenset({"FIELD", "METRIC", "BINS", "BY", "OP", "GRAIN", "SUP", "TOP", "RECENT"})
_ASKED_BACK = {
    "no_earlier": "There is no earlier question to go on from. What should be worked out?",
    "no_context": "The question before was not answered, so there is nothing to go on from. Ask the whole question.",
    "missing_slots": "What should be worked out? Name a measure, such as total spend or number of customers ({text}).",
    "missing_measure": "By which measure? For example by lifetime value, monthly spend or number of transactions.",
    "counts_none": "{text} leaves out exactly the rows asked for, so there is nothing to show. Ask for another "
    "measure, such as their number.",
    "ambiguous_share": "A share of which whole? Say what the percentage is of, as in “what percentage of customers in "
    "Texas are Premium”.",
    "window_of_rows": "{text}: is that when customers made a purchase, or when they opened their account?",
    "no_history": "What is known of customers is known as of the newest day, not over time. Say “who opened an "
    "account” or “who made a purchase”, or ask for transactions.",
    "ambiguous_term": "“{text}” can be read in several ways.",
    "missing_threshold": "How much is “{text}”? Name a number, as in “over 60”.",
    "missing_period": "A change from when to when?",
}


def _begins_with_pronoun(candidates: Sequence[Candidate]) -> bool:
    """Tell whether a pronoun stands before anything that it could be of: which of them is the oldest."""
    for one in candidates:
        if one.text.casefold() in ("them", "they", "those", "these", "their", "its"):
            return True
        if any(entry.kind in _NAMING for entry in one.entries):
            return False
    return False


_NAMING = frozenset({"ENTITY", "VALUE", "FIELD", "METRIC", "FLAG", "NAMEDVALUE", "WHO", "OPEN", "BUY", "ADJ", "GROUP"})


def _ways(question: str, kinds: set[str], previous: Context | None) -> list[Context | None]:
    """Return how a question may be read: on its own, or as a change of the one before; the likelier first."""
    if previous is None:
        return [None]
    if not leans(question):
        is_mean = kinds <= _MEASURE_ALONE and _MEAN.match(question) and not _OF_ALL.search(question)
        if "SHARE" in kinds and not kinds & _OF_WHICH:
            return [previous]  # a percentage of what was asked before, and of nothing else
        return [previous, None] if is_mean else [None, previous]
    if refers(question) or previous is LOST or not kinds & _WHOLE or _GOES_ON.match(question):
        return [previous]
    return [previous, None]


_MEASURE_ALONE = frozenset({"AGG", "FIELD", "METRIC", "FILL"})
"""Kinds of words that say what is worked out and not of whom: average age?"""
_MEAN = re.compile(r"\W*(?:the )?(?:average|avg|mean|median)\b", re.IGNORECASE)
_OF_ALL = re.compile(r"\b(?:all|altogether|overall|in total|are there|is there|we)\b", re.IGNORECASE)
_OF_WHICH = frozenset({"ENTITY", "METRIC", "FIELD", "COUNT", "WHO"})
"""Kinds of words that say what a percentage is of."""


def _least_changed(
    found: list[tuple[int, Frame, SemanticQuery]], context: Context | None
) -> list[tuple[int, Frame, SemanticQuery]]:
    """Return the only reading of a follow-up that keeps what the answer is broken down by, or all readings."""
    alike = [one for one in found if context is not None and one[1].groups == context.frame.groups]
    return alike if len(alike) == 1 else found


def _is_same(query: SemanticQuery, other: SemanticQuery) -> bool:
    """Tell whether two queries ask the same, in whatever order their conditions stand."""
    if query == other:
        return True
    filters = [one.filters.parts if isinstance(one.filters, AllOf) else () for one in (query, other)]
    rest = query.model_copy(update={"filters": None}) == other.model_copy(update={"filters": None})
    return rest and len(filters[0]) == len(filters[1]) > 0 and all(one in filters[1] for one in filters[0])


def _activities(model: SemanticModel) -> dict[str, str]:
    found = {}
    for table in model.definition.tables:
        if table.x_nl.activity:
            found[table.name] = date_of(model, table.x_nl.activity)
    return found
