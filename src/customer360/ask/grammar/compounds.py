"""Nouns that only say whose or of what the next noun is: customer transactions, Texas customers' purchases.

What is asked for is the last of them. This is settled before the rules run, because these see one noun after another
as two things that stand side by side.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from customer360.ask.chunks import Chunk
from customer360.ask.grammar.figures import count_of
from customer360.ask.lexicon import Lexicon, is_numeric
from customer360.ask.words import stems_of

_QUALIFYING = ("VALUE", "COND", "FLAG")
_EACH = ("BY", "AGG")
_SELECTING = (*_EACH, "TOP", "NUM", "SUP", "ADJ", "RECENT", "GOOD", "NTH")


def name_heads(lexicon: Lexicon, chunks: Sequence[Chunk]) -> list[Chunk]:
    """Return the chunks with the noun that is asked for in place of a compound; an unclear one becomes a tangle."""
    named = list(chunks)
    for place in reversed(range(len(named) - 1)):
        head = _head_of(named, place)
        if head is None:
            continue
        modifier = named[place]
        if _table_of(lexicon, modifier) in _doers(lexicon):
            named[place:head] = _of_doers(lexicon, named, place, head)
        elif _is_field_of_none(named, place, head):
            named[place : head + 1] = [modifier.made("TANGLE", "", *named[place + 1 : head + 1])]
    return named


def _head_of(chunks: Sequence[Chunk], place: int) -> int | None:
    """Return where the noun stands that follows another without a word between but conditions."""
    head = place + 1
    while head < len(chunks) - 1 and chunks[head].kind in _QUALIFYING:
        head += 1
    is_noun = chunks[head].kind == "ENTITY" or (chunks[head].kind == "FIELD" and not is_numeric(chunks[head].data))
    is_before = chunks[place].kind == "ENTITY" or (
        chunks[place].kind in ("METRIC", "FIELD") and _is_whole(chunks, place, head)
    )
    return head if is_noun and is_before else None


def _is_whole(chunks: Sequence[Chunk], place: int, head: int) -> bool:
    """Tell whether there is not even a filler between two nouns."""
    inside = chunks[place : head + 1]
    return all(one.last == other.first for one, other in pairwise(inside))


def _of_doers(lexicon: Lexicon, chunks: Sequence[Chunk], place: int, head: int) -> list[Chunk]:
    """Return what stands before the head, where the noun before it names those who do things."""
    modifier, before = chunks[place], list(chunks[place:head])
    thing = chunks[head]
    if thing.data == _table_of(lexicon, modifier):
        return before
    if thing.kind == "FIELD":
        return _of_their_field(chunks, place, head) if _is_whole(chunks, place, head) else before
    if not _is_whole(chunks, place, head):
        return before if _is_plural(modifier) or head > place + 1 else [modifier.made("TANGLE", "")]
    if _is_plural(modifier):
        return [modifier.made("TANGLE", "")] if head == place + 1 else before
    if modifier.kind == "METRIC":
        ends_with_noun = any(one.kind == "ENTITY" for one in lexicon.entries.get(stems_of(modifier.text)[-1:], ()))
        return [modifier.made("COUNT" if ends_with_noun else "TANGLE", ""), *before[1:]]
    selecting = _SELECTING if _is_possessive(modifier) else _EACH
    return before if _selected(chunks, place, selecting) else before[1:]


def _of_their_field(chunks: Sequence[Chunk], place: int, head: int) -> list[Chunk]:
    """Return what stands before a field: customer states and customers' states are counted as states are."""
    modifier, before = chunks[place], list(chunks[place:head])
    if _is_plural(modifier) or head > place + 1:
        return before
    if modifier.kind == "METRIC":
        return [modifier.made("COUNT", "")]
    return [] if _selected(chunks, place, ("COUNT", "DISTINCT")) else before


def _selected(chunks: Sequence[Chunk], place: int, kinds: Sequence[str]) -> bool:
    """Tell whether what stands before a noun says which of them: each, the top 10, the average one."""
    before = [one for one in chunks[:place] if one.kind not in _QUALIFYING]
    return bool(before) and before[-1].kind in kinds and before[-1].data != "sum"


def _is_field_of_none(chunks: Sequence[Chunk], place: int, head: int) -> bool:
    """Tell whether a field stands before what is counted: the number of merchant transactions, or of merchants'."""
    before = [one for one in chunks[:place] if one.kind != "DISTINCT"]
    is_counted = bool(before) and before[-1].kind == "COUNT" and chunks[head].kind == "ENTITY"
    return is_counted and chunks[place].kind == "FIELD" and head == place + 1 and not _is_plural(chunks[place])


def _table_of(lexicon: Lexicon, chunk: Chunk) -> str:
    """Return the table that a noun names, or whose rows a metric counts: number of customers."""
    if chunk.kind == "ENTITY":
        return str(chunk.data)
    counts = {table: count_of(lexicon, table) for table in _doers(lexicon)} if chunk.kind == "METRIC" else {}
    return next((table for table, one in counts.items() if one is not None and one.item == chunk.data), "")


def _doers(lexicon: Lexicon) -> set[str]:
    return {one.name for one in lexicon.model.definition.tables if one.x_nl.activity}


def _is_possessive(chunk: Chunk) -> bool:
    return chunk.text.endswith(("'", "'s"))


def _is_plural(chunk: Chunk) -> bool:
    """Tell whether a noun stands for several and says of nothing that it is theirs."""
    last = chunk.text.casefold().split()[-1]
    return not _is_possessive(chunk) and (last.endswith("s") or last == "people")
