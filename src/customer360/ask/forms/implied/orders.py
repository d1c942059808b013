"""What an order implies: how many rows are wanted, and what is shown for it."""

from __future__ import annotations

from customer360.ask.chunks import Chunk
from customer360.ask.forms.base import Form
from customer360.ask.frame import fields_of
from customer360.ask.grammar.terms import as_cond
from customer360.ask.ordering import is_aggregate_of, measure_named
from customer360.ask.slots import NotUnderstood
from customer360.semantic import Item

MEASURED = ("MEASURE", "COUNTED", "COUNTEDFIELD")


class Orders(Form):
    """Takes the order of the answer."""

    def _sort(self) -> None:
        """Take the order; what it is by stays where nothing else names it, as what is shown."""
        slots = self.slots
        found = next((one for one in slots.chunks if one.kind == "SORTING"), None)
        if found is None:
            return
        slots.sorting = found.data
        place = slots.chunks.index(found)
        after = [one.kind for one in slots.chunks[place + 1 : place + 3]]
        if after[:1] in (["AND"], ["COMMA"]) and after[-1] in ("FIELD", "MEASURE", "COUNTED"):
            raise NotUnderstood(slots.chunks[place + 2].text)
        slots.chunks.remove(found)
        self._limit_sorted(place)
        by = self._shown(found.data.by) if found.data.by else None
        if by is None:
            return
        ranks = slots.has("TOP", "SUP", "RECENT", "GOOD", "NTH") or self._superlative() is not None
        slots.chunks[place:place] = [Chunk("BY", "", by.first, by.first, "by"), by] if ranks else [by]

    def _limit_sorted(self, place: int) -> None:
        """Read "first 5" and "no more than 5" behind an order as how many rows are wanted."""
        chunks = self.slots.chunks
        tail = [one for one in chunks[place:] if one.kind != "COMMA"]
        kinds = [one.kind for one in tail]
        if kinds == ["CMP"] and tail[0].data.op == "<=" and not tail[0].data.unit:
            chunks[chunks.index(tail[0])] = tail[0].made("NUM", (tail[0].data.values[0], ""))
        elif kinds == ["RECENT", "NUM"] and tail[0].text.casefold().endswith("first"):
            chunks.remove(tail[0])

    def _shown(self, by: Chunk) -> Chunk | None:
        """Return what an order is by where it has to be shown for it: rows hold the total of a measure."""
        figure = measure_named(self.lexicon, by)
        measures = [measure_named(self.lexicon, one) for one in self.slots.chunks if one.kind in MEASURED]
        rows = self.slots.has("ENTITY") and not measures and not self.slots.has("GROUP", "GRAIN", "TREND", "FIELD")
        if by.kind == "FIELD":
            return None if self._is_named(by.data) else by
        if by.kind == "GRAIN":
            return None if rows or self._is_dated() else by
        if figure is None or any(one is not None and one.measure == figure.measure for one in measures):
            return None
        if any(one.kind == "HELD" and one.data.figure.measure == figure.measure for one in self.slots.chunks):
            return None
        if rows:
            total = self.lexicon.totals.get(figure.measure) if isinstance(figure.measure, str) else None
            if total is None or self.slots.has("TIME"):
                raise NotUnderstood(by.text)
            return None
        return by.made("COUNTED", (figure, by.data, False)) if by.kind == "ENTITY" else by

    def _is_dated(self) -> bool:
        """Tell whether the answer is grouped by a date."""
        groups = [one.data.dimensions for one in self.slots.chunks if one.kind == "GROUP"]
        return self.slots.has("GRAIN", "TREND") or any(one.grain for dimensions in groups for one in dimensions)

    def _is_named(self, item: Item) -> bool:
        """Tell whether something beside the order names a field, or an aggregate of it."""
        for one in self.slots.chunks:
            figure = measure_named(self.lexicon, one) if one.kind in MEASURED else None
            if figure is not None and is_aggregate_of(self.lexicon, figure.measure, item):
                return True
            if one.kind == "GROUP" and any(group.name == item.full_name for group in one.data.dimensions):
                return True
            if one.kind in ("COND", "VALUE") and item.full_name in fields_of(as_cond(one).filter):
                return True
            if one.kind == "FIELD" and one.data == item:
                return True
        return False
