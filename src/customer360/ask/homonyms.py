"""Names that several fields have a value of, and people's names that are words: what stands beside tells them apart.

New York is a state and a city, Mobile a channel and a city, and somebody's last name is Best. What nothing tells apart
is asked back.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from customer360.ask.chunks import Candidate
from customer360.ask.frame import Frame
from customer360.ask.lexicon import Entry, Lexicon, ValueOf
from customer360.ask.words import Word

_VALUES = ("VALUE", "NAMEDVALUE")
_BESIDE_FIELD = frozenset({"of", "is", "=", ":", "the"})
"""What may stand between a field and its value: state of New York."""
_BETWEEN_VALUES = frozenset({"or", "and", "vs", "versus", "nor", "to", "with", "than", "&", ",", "/"})
_OF_PLACES = frozenset({"in", "from", "at", "near", "around", "to"})


def told_apart(words: Sequence[Word], candidates: list[Candidate], lexicon: Lexicon) -> list[Candidate]:
    """Return phrases without the values that something beside them speaks against."""
    candidates = [_without_names(candidates, place, lexicon) for place in range(len(candidates))]
    for place, one in enumerate(candidates):
        if len(_fields(one)) < 2:
            continue
        for meant in (_named_beside(words, candidates, place), _listed_with(words, candidates, place)):
            kept = tuple(entry for entry in one.entries if entry.kind not in _VALUES or _field(entry) in meant)
            if len({_field(entry) for entry in kept if entry.kind in _VALUES}) == 1:
                candidates[place] = replace(one, entries=kept)
                break
    return candidates


def several_fields(candidates: Sequence[Candidate]) -> Iterator[tuple[Candidate, list[ValueOf]]]:
    """Yield the phrases that are a value of several fields, with what each would be."""
    for one in candidates:
        values = {_field(entry): entry.data for entry in one.entries if entry.kind == "VALUE"}
        if len(values) > 1:
            yield one, list(values.values())


def done(
    words: Sequence[Word], candidates: Sequence[Candidate], frames: Sequence[Frame], deeds: Collection[str]
) -> Frame | None:
    """Return the only reading of several that takes a name for how something was done: mobile spend is by channel.

    What somebody does is in the tables ``deeds``. A name in capitals after "in" or "from" may as well be a place, and
    one before "customers" what they are, so nothing is chosen for either.
    """
    for one, values in several_fields(candidates):
        before = words[one.first - 1].stem if one.first else ""
        is_place = before in _OF_PLACES and words[one.first].typed[:1].isupper()
        beside = {
            entry.data
            for other in candidates
            if other.first == one.last
            for entry in other.entries
            if entry.kind == "ENTITY"
        }
        fields = [value.item.full_name for value in values if value.item.table in deeds]
        if len(fields) != 1 or is_place or any(value.item.table in beside - set(deeds) for value in values):
            continue
        chosen = [frame for frame in frames if f'"{fields[0]}"' in frame.model_dump_json()]
        if len(chosen) == 1:
            return chosen[0]
    return None


def _without_names(candidates: Sequence[Candidate], place: int, lexicon: Lexicon) -> Candidate:
    """Take "young" for no last name, nor "best", unless the field of that name stands beside it."""
    one = candidates[place]
    around = candidates[max(place - 2, 0) : place + 2]
    fields = [entry.data for other in around for entry in other.entries if entry.kind == "FIELD"]
    names = [entry for entry in one.entries if entry.kind == "NAMEDVALUE" and entry.data.item not in fields]
    unclear = any(entry.kind in ("VAGUE", "AMBIGUOUS") for entry in one.entries)
    people = [entry for entry in names if unclear or lexicon.extensions[_field(entry)].values_named_only]
    kept = tuple(entry for entry in one.entries if entry not in people)
    return replace(one, entries=kept) if any(entry.kind != "NAMEDVALUE" for entry in kept) else one


def _field(entry: Entry) -> str:
    return str(entry.data.item.full_name)


def _fields(candidate: Candidate) -> set[str]:
    """Return the fields that a phrase is a value of by itself."""
    return {_field(entry) for entry in candidate.entries if entry.kind == "VALUE"}


def _named_beside(words: Sequence[Word], candidates: Sequence[Candidate], place: int) -> Collection[str]:
    """Return the fields that are named right before a value or right after it: the state of New York."""
    one = candidates[place]
    found: set[str] = set()
    for other in candidates:
        before = other.last <= one.first and _only(words[other.last : one.first], _BESIDE_FIELD)
        if before or other.first == one.last:
            found |= {entry.data.full_name for entry in other.entries if entry.kind == "FIELD"}
    return found


def _listed_with(words: Sequence[Word], candidates: Sequence[Candidate], place: int) -> Collection[str]:
    """Return the fields of the values that a value is listed with: New York or Florida."""
    one = candidates[place]
    found: set[str] = set()
    for other in candidates:
        first, second = sorted((one, other), key=lambda each: each.first)
        between = words[first.last : second.first]
        if between and _only(between, _BETWEEN_VALUES) and len(_fields(other)) == 1:
            found |= _fields(other)
    return found


def _only(words: Sequence[Word], stems: Collection[str]) -> bool:
    return all(word.stem in stems for word in words)
