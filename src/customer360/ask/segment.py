"""From words to candidates: the best way to cut a question into phrases that are known, and what each may mean.

The best cut has the fewest unknown words, then the fewest phrases. A word that nothing explains stays, as ``UNKNOWN``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from itertools import product

from customer360.ask.chunks import Candidate, Chunk
from customer360.ask.dates import Found, find_windows
from customer360.ask.homonyms import told_apart
from customer360.ask.lexicon import MAX_PHRASE, Entry, Lexicon, Missing, ValueOf
from customer360.ask.words import Word, stems_of
from customer360.semantic import Kind

MAX_READINGS = 48
MAX_COMBINATIONS = 4096
UNEXPLAINED = frozenset({"UNKNOWN", "MISSING", "AMBIGUOUS", "VAGUE"})
_UNKNOWN = 100
_FILLER = 1.05
_LONGER = 0.001
"""How much a word more speaks for a name, where two cuts are as short: amount spent, and not spent by."""
_GLOSSARY = 1.5
_PRIVATE = -10.0
"""What a phrase for personal data costs: it is never cut apart, whatever its words mean by themselves."""
_DECADE = re.compile(r"([2-9]0)s$")
_ORDINAL = re.compile(r"(\d{1,2})(?:st|nd|rd|th)$")
_PERCENTILE = re.compile(r"p(\d{1,2})$")
_IDENTIFIER = re.compile(r"[a-z]{2,}[-_]?\d{3,}$")


def find_candidates(
    words: Sequence[Word], lexicon: Lexicon, anchor: date, *, split: Sequence[Candidate] = ()
) -> list[Candidate]:
    """Return the phrases of a question in order; ``split`` are phrases that must be none."""
    windows = {found.first: found for found in find_windows(words, anchor)}
    unreached: tuple[float, int, Candidate | None] = (float("inf"), -1, None)
    costs = [(0.0, -1, unreached[2]), *[unreached] * len(words)]
    for first in range(len(words)):
        if costs[first][0] == float("inf"):
            continue
        for candidate in _starting(words, first, lexicon, windows):
            if any(_is_cut(candidate, one, lexicon) for one in split):
                continue
            cost = costs[first][0] + _cost(candidate) + _torn_name(words, candidate, lexicon)
            if cost < costs[candidate.last][0]:
                costs[candidate.last] = (cost, first, candidate)
    found: list[Candidate] = []
    place = len(words)
    while place > 0:
        _, before, chosen = costs[place]
        if chosen is not None:
            found.append(chosen)
        place = before
    return told_apart(words, _named_again(words, found[::-1]), lexicon)


def _named_again(words: Sequence[Word], candidates: list[Candidate]) -> list[Candidate]:
    """Read a word that nothing else explains, or several things, as the field whose name it ended before.

    In "churn score over 60, highest score first", the second score is the churn score.
    """
    for place, one in enumerate(candidates):
        if one.last - one.first > 1 or any(entry.kind not in ("UNKNOWN", "AMBIGUOUS") for entry in one.entries):
            continue
        before = [
            [replace(entry, rank=0) for entry in other.entries if entry.kind in ("FIELD", "METRIC")]
            for other in candidates[:place]
            if other.last - other.first > 1 and words[other.last - 1].stem == words[one.first].stem
        ]
        named = [entries for entries in before if entries]
        if named and all(entries == named[0] for entries in named):
            candidates[place] = replace(one, entries=tuple(named[0]))
    return candidates


def _is_cut(candidate: Candidate, split: Candidate, lexicon: Lexicon) -> bool:
    """Tell whether a phrase is the one to be cut, or another name that keeps its grain: average monthly spend."""
    if (candidate.first, candidate.last) == (split.first, split.last):
        return True
    overlaps = candidate.first < split.last and split.first < candidate.last
    if overlaps and split.entries[0].kind == "FIELD" and candidate.entries[0].data == split.entries[0].data:
        return True
    is_name = candidate.last - candidate.first > 1 and candidate.entries[0].kind in ("FIELD", "METRIC")
    return (
        overlaps
        and is_name
        and all("GRAIN" in kinds_in(one, lexicon) for one in (candidate, split))
        and ("ENTITY" not in kinds_in(split, lexicon))
    )


def kinds_in(phrase: Candidate, lexicon: Lexicon) -> set[str]:
    """Return the kinds of words inside of a phrase: a grain in "monthly spend"."""
    stems = stems_of(phrase.text)
    parts = (stems[first:last] for first in range(len(stems)) for last in range(first + 1, len(stems) + 1))
    return {one.kind for part in parts for one in lexicon.entries.get(part, ())}


FOLLOWING = frozenset({"ONLY", "INSTEAD", "SAME", "ITEM", "NTHONE", "AFTER", "REMOVE", "FLIP"})
"""Kinds of words that only a follow-up needs."""


def readings(candidates: Sequence[Candidate], *, following: bool = False) -> Iterator[tuple[int, list[Chunk]]]:
    """Yield what the phrases may mean together, each with its rank, fillers left out; the preferred ones first."""
    choices = [_meanings(one, following=following) for one in candidates]
    kept = [(one, entries) for one, entries in zip(candidates, choices, strict=True) if entries]
    combinations = product(*(entries for _, entries in kept))
    ranked = sorted(
        (
            (sum(entry.rank for entry in chosen), place, chosen)
            for place, chosen in zip(range(MAX_COMBINATIONS), combinations, strict=False)
        ),
        key=lambda one: one[:2],
    )
    for rank, _, chosen in ranked[:MAX_READINGS]:
        yield rank, [one.chunk(entry) for (one, _), entry in zip(kept, chosen, strict=True)]


def unexplained(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Return the phrases that nothing but a glossary entry, or nothing at all, explains."""
    return [one for one in candidates if all(entry.kind in UNEXPLAINED for entry in one.entries)]


def is_explained(words: Sequence[Word], candidates: Sequence[Candidate], blind: Sequence[Candidate]) -> bool:
    """Tell whether a word that means several things, or nothing exact, is followed by what it means, in numbers.

    As in "valuable customers (lifetime value over 20,000)" and "loyal ones, meaning with us for more than 5 years"; or
    stands behind what says which of them is meant: riskiest in terms of churn.
    """
    if len(blind) != 1 or any(entry.kind not in ("AMBIGUOUS", "VAGUE") for entry in blind[0].entries):
        return False
    if _is_meant_by_adjective(candidates, blind[0]):
        return True
    last = blind[0].last
    marks = [place for place, word in enumerate(words) if place >= last and word.stem in _EXPLAINS]
    if not marks:
        return False
    between = [one for one in candidates if last <= one.first < marks[0]]
    return all(any(entry.kind in _NAMES for entry in one.entries) for one in between) and any(
        entry.kind in ("NUM", "DECADE") for one in candidates if one.first > marks[0] for entry in one.entries
    )


def _is_meant_by_adjective(candidates: Sequence[Candidate], blind: Candidate) -> bool:
    """Tell whether a superlative before a term is of a field that the term may stand for."""
    said = {stems_of(say) for entry in blind.entries for _, say in getattr(entry.data, "options", ())}
    named = [
        stems_of(entry.data.item.name)
        for one in candidates
        if one.last <= blind.first
        for entry in one.entries
        if entry.kind == "ADJ" and entry.data.superlative
    ]
    return any(stems[-len(name) :] == name for name in named for stems in said)


_NAMES = ("ENTITY", "FILL", "COMMA", "LIST", "ITEM")
"""Kinds of words that may stand between a word and what explains it: valuable customers (...)."""
_EXPLAINS = ("(", ":", "meaning", "namely", "defined")


def _meanings(candidate: Candidate, *, following: bool) -> list[Entry]:
    """Return what a phrase may mean; nothing where it is a filler."""
    known = [one for one in candidate.entries if one.kind not in UNEXPLAINED]
    entries = known or list(candidate.entries)
    if not following:
        alone = [one for one in entries if one.kind not in FOLLOWING]
        if not alone and "SAME" in {one.kind for one in entries}:
            return []
        if not alone and "ONLY" in {one.kind for one in entries}:
            return [Entry("JUST", "")]
        entries = alone or entries
    said = [one for one in entries if one.kind != "FILL"]
    return said[:4]


def _cost(candidate: Candidate) -> float:
    kinds = [one.kind for one in candidate.entries if one.kind not in FOLLOWING] or [candidate.entries[0].kind]
    if kinds[0] == "UNKNOWN":
        return _UNKNOWN
    if all(kind in UNEXPLAINED for kind in kinds):
        return _PRIVATE if any(_is_private(entry) for entry in candidate.entries) else _GLOSSARY
    if kinds[0] in ("FIELD", "METRIC"):
        return 1.0 - _LONGER * (candidate.last - candidate.first - 1)
    return _FILLER if kinds[0] == "FILL" and candidate.text.casefold() != "of" else 1.0


def _torn_name(words: Sequence[Word], candidate: Candidate, lexicon: Lexicon) -> float:
    """Return what it costs to tear the last word of a name from a name that it begins.

    "Spend per transaction" ends where "transaction channel" begins, "average utilization" where "utilization percent".
    """
    if candidate.last - candidate.first < 2 or candidate.entries[0].kind not in ("FIELD", "METRIC"):
        return 0.0
    rest = words[candidate.last - 1 : candidate.last + 1]
    said = any(word.stem == "per" for word in words[candidate.first : candidate.last]) or rest[-1].stem == "percent"
    begins = any(one.kind == "FIELD" for one in lexicon.find(tuple(rest))) if len(rest) > 1 else False
    return _GLOSSARY if said and begins else 0.0


def _is_private(entry: Entry) -> bool:
    return isinstance(entry.data, Missing) and entry.data.reason == "pii"


def _starting(words: Sequence[Word], first: int, lexicon: Lexicon, windows: Mapping[int, Found]) -> Iterator[Candidate]:
    """Yield everything known that starts at a word."""
    known = False
    window = windows.get(first)
    if window is not None:
        known = True
        yield _candidate(words, first, window.last, [Entry("TIME", window.window)])
    for last in range(min(first + MAX_PHRASE, len(words)), first, -1):
        entries = lexicon.find(tuple(words[first:last]))
        if entries:
            known = True
            yield _candidate(words, first, last, entries)
    special = _special(words[first], lexicon)
    if special:
        known = True
        yield _candidate(words, first, first + 1, special)
    if not known:
        yield _candidate(words, first, first + 1, [Entry("UNKNOWN", words[first].typed)])


def _candidate(words: Sequence[Word], first: int, last: int, entries: Sequence[Entry]) -> Candidate:
    return Candidate(first, last, " ".join(word.typed for word in words[first:last]), tuple(entries))


def _special(word: Word, lexicon: Lexicon) -> list[Entry]:
    """Return what a single word is by its form: a number, a decade, an identifier."""
    if word.number is not None:
        return [Entry("NUM", (word.number, word.unit))]
    for pattern, kind in ((_DECADE, "DECADE"), (_ORDINAL, "NTHNUM"), (_PERCENTILE, "NTHPCT")):
        match = pattern.fullmatch(word.text)
        if match:
            return [Entry(kind, int(match[1]))]
    return list(_identifiers(word, lexicon)) if _IDENTIFIER.fullmatch(word.text) else []


def _identifiers(word: Word, lexicon: Lexicon) -> Iterator[Entry]:
    items = [item for item in lexicon.model.list_items({Kind.DIMENSION}) if item.name.endswith("_id")]
    for item in items:
        entry = Entry("VALUE", ValueOf(item, (word.typed.upper() if word.typed.islower() else word.typed,)))
        if item.name[:3] == word.text[:3] or (word.text.startswith("txn") and item.name == "transaction_id"):
            yield entry
