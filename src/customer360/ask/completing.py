"""Typeahead: phrases of the model and of the grammar that may follow what was typed.

Invariant: a completion is offered only when the question that it makes is answered by the engine.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from customer360.ask.engine import Engine
from customer360.ask.naming import Names
from customer360.semantic import Item, Kind

PhraseKind = Literal["metric", "entity", "field", "value", "time", "words", "question"]
MOST_TRIED = 24
MOST_VALUES = 60
MOST_GROUPS = 100
MOST_WORDS = 4
BUDGET_SECONDS = 0.03
_DATES = ("TIMESTAMP", "DATE")
_TIMES = (
    "last month",
    "this month",
    "last year",
    "this year",
    "in the last 30 days",
    "in the last 90 days",
    "in the last 12 months",
)
_TRENDS = ("by month", "by week", "by quarter", "by year", "by day")
_STARTS = ("how many {}", "number of {}", "list {}")


@dataclass(frozen=True)
class Phrase:
    """Words that may stand in a question; a ``start`` is where questions begin."""

    text: str
    kind: PhraseKind
    start: bool = False


@dataclass(frozen=True)
class Completion:
    """A question that goes on from what was typed, and what it adds."""

    text: str
    adds: str
    kind: PhraseKind


def complete(
    typed: str,
    phrases: Sequence[Phrase],
    examples: Mapping[str, tuple[str, ...]],
    is_readable: Callable[[str], bool],
    *,
    limit: int,
    clock: Callable[[], float] = time.perf_counter,
) -> list[Completion]:
    """Return at most ``limit`` readable questions that begin with what was typed, or else hold it.

    No more are tried after ``BUDGET_SECONDS``: who types does not wait, and what was read is known the next time.
    """
    found: dict[str, Completion] = {}
    settled, ends = "", clock() + BUDGET_SECONDS
    for group, one in islice(_candidates(typed, phrases, examples), MOST_TRIED):
        if len(found) == limit or clock() > ends:
            break
        is_weaker = bool(settled) and group not in (settled, "new phrase")
        if not is_weaker and one.text.casefold() not in found and is_readable(one.text):
            found[one.text.casefold()] = one
            settled = settled or (group if group != "example" else "")
    return list(found.values())


def list_phrases(engine: Engine) -> tuple[Phrase, ...]:
    """Return what questions about a build can be made of."""
    names = Names(engine.model)
    tables = [one for one in engine.model.definition.tables if one.x_nl.asked]
    rows = [names.rows(one.name) for one in tables if one.x_nl.row_fields]
    shown = [item for item in engine.model.items if _is_asked(engine, item)]
    phrases = [
        *(Phrase(form.format(one), "entity", start=True) for one in rows for form in _STARTS),
        *(Phrase(names.field(item.full_name), "metric", start=True) for item in shown if _is_metric(item)),
        *(Phrase(one, "entity") for one in rows),
        *(Phrase(f"by {names.field(item.full_name)}", "field") for item in shown if _is_group(engine, item)),
        *(Phrase(one, "words") for one in _TRENDS),
        *(Phrase(one, "time") for one in _TIMES),
        *_values(engine, names),
    ]
    return tuple(dict.fromkeys(phrases))


def _values(engine: Engine, names: Names) -> Iterator[Phrase]:
    for full_name, values in engine.values.items():
        if engine.lexicon.extensions[full_name].asked and len(values) <= MOST_VALUES:
            for value in values:
                said = names.value(full_name, value)
                yield Phrase(f"with {names.field(full_name)} {said}", "value")
                yield Phrase(said, "value")


def _is_asked(engine: Engine, item: Item) -> bool:
    extension = engine.lexicon.extensions.get(item.full_name)
    return extension is not None and extension.asked and item.name.removesuffix("_id").removesuffix("_key") == item.name


def _is_metric(item: Item) -> bool:
    return item.kind in (Kind.METRIC, Kind.DERIVED) and item.data_type not in _DATES


def _is_group(engine: Engine, item: Item) -> bool:
    """Tell whether people break figures down by a field: by a flag, or by values few enough to be known."""
    is_known = 0 < len(engine.values.get(item.full_name, ())) <= MOST_GROUPS
    return item.kind == Kind.DIMENSION and (item.data_type == "BOOLEAN" or is_known)


def _candidates(
    typed: str, phrases: Sequence[Phrase], examples: Mapping[str, tuple[str, ...]]
) -> Iterator[tuple[str, Completion]]:
    """Yield questions that begin with what was typed, then examples that hold it, each with its group.

    Those come first where more of the last words is continued; where one of them is readable, those that continue
    fewer words are beside the point.
    """
    text = re.sub(r"\s+", " ", typed).lstrip()
    every = [one for questions in examples.values() for one in questions]
    for question in every:
        if text and question.casefold().startswith(text.casefold()) and question.casefold() != text.casefold():
            yield "example", Completion(question, question[len(text) :], "question")
    if not text.strip():
        firsts = [one for questions in examples.values() for one in questions[:2]]
        yield from (("example", Completion(one, one, "question")) for one in firsts)
        return
    yield from _continued(text, phrases)
    yield from (("new phrase", one) for one in _followed(text, phrases))
    for question in every:
        if text.strip().casefold() in question.casefold():
            yield "held", Completion(question, question, "question")


def _continued(text: str, phrases: Sequence[Phrase]) -> Iterator[tuple[str, Completion]]:
    """Go on from the last words, which begin a phrase."""
    words = text.split(" ")
    for count in range(min(MOST_WORDS, len(words)), 0, -1):
        begun, before = " ".join(words[-count:]).casefold(), " ".join(words[:-count])
        if not begun:
            continue
        for one in _fitting(phrases, begun, at_start=not before):
            kept = text[: len(text) - len(begun)]
            yield f"{count} words", Completion(f"{kept}{one.text}", one.text[len(begun) :], one.kind)


def _fitting(phrases: Iterable[Phrase], begun: str, *, at_start: bool) -> list[Phrase]:
    fitting = [one for one in phrases if one.text.casefold().startswith(begun) and len(one.text) > len(begun)]
    if at_start:
        return sorted(fitting, key=lambda one: not one.start)
    return [one for one in fitting if one.kind != "entity" or not one.start]


def _followed(text: str, phrases: Sequence[Phrase]) -> Iterator[Completion]:
    """Go on with a new phrase after a whole word: of each kind some."""
    if not text.endswith(" "):
        return
    by_kind: dict[PhraseKind, list[Phrase]] = {}
    for one in phrases:
        if not one.start and (one.kind != "value" or one.text.startswith("with ")):
            by_kind.setdefault(one.kind, []).append(one)
    for place in range(6):
        for kind in ("field", "time", "words", "value"):
            row = by_kind.get(kind, [])
            if place < len(row):
                yield Completion(f"{text}{row[place].text}", row[place].text, row[place].kind)
