"""Rules of orders: sorted by what, which end first."""

from __future__ import annotations

from dataclasses import replace

from customer360.ask.chunks import Chunk
from customer360.ask.grammar.terms import Sorting, sorting_of
from customer360.ask.lexicon import Lexicon, is_numeric


def sorted_by(lexicon: Lexicon, part: list[Chunk]) -> Chunk | None:
    """Sorted by lifetime value, highest first; by age descending."""
    by = next(one for one in reversed(part) if one.kind not in ("DIR", "COMMA"))
    if by.kind == "GROUP":
        return _number_of_group(lexicon, by, part)
    names_itself = part[0].kind != "SORT" or part[0].text.casefold().endswith(("by", "order of", "descending"))
    if by.kind == "FIELD" and not is_numeric(by.data) and not names_itself:
        return None
    return by.made("SORTING", sorting_of(by, part), *part)


def _number_of_group(lexicon: Lexicon, group: Chunk, part: list[Chunk]) -> Chunk | None:
    """Read "by age" as an order where it is sorted and the field is a number."""
    dimensions = group.data.dimensions
    item = next((one for one in lexicon.model.items if dimensions and one.full_name == dimensions[0].name), None)
    if item is None or not is_numeric(item) or len(dimensions) > 1 or dimensions[0].rounded:
        return None
    return group.made("SORTING", sorting_of(group.made("FIELD", item), part), *part)


def sort_what_by(lexicon: Lexicon, part: list[Chunk]) -> list[Chunk] | None:
    """Rank customers in Texas by churn score: what is ranked stands before what it is ranked by."""
    if part[0].text.casefold().endswith("by"):
        return None
    place = next(place for place, one in enumerate(part) if one.kind in ("BY", "GROUP"))
    made = sorted_by(lexicon, [part[0], *part[place:]])
    return None if made is None else [*part[1:place], replace(made, first=part[place].first)]


def from_most(_: Lexicon, part: list[Chunk]) -> Chunk | None:
    """From riskiest to safest."""
    left, right = part[1].data, part[3].data
    if not (left.superlative and right.superlative) or left.item != right.item or left.op == right.op:
        return None
    return part[0].made("SORTING", Sorting(part[1], left.op == ">"), *part[1:])


def best_first(_: Lexicon, part: list[Chunk]) -> Chunk | None:
    """Best first, worst first."""
    if part[-1].text.casefold() != "first":
        return None
    return part[0].made("DIR", "best" if part[0].data == "desc" else "worst", part[1])


def first_of(_: Lexicon, part: list[Chunk]) -> list[Chunk] | None:
    """Highest score first, oldest first, newest transactions in Texas first."""
    first, last = part[0], part[-1]
    if last.text.casefold() != "first" or (first.kind == "ADJ" and not first.data.superlative):
        return None
    by = part[1] if first.kind == "SUP" else first
    if first.kind == "ADJ" and part[1].kind == "ENTITY":
        by = first.made("ADJ", first.data, part[1])
    descending = first.data.op == ">" if first.kind == "ADJ" else first.data == "desc"
    sorting = last.made("SORTING", Sorting(by, descending), first, by)
    return [*(one for one in part[1:-1] if one is not by), sorting]
