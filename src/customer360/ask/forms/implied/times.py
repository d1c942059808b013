"""What words of time imply: of which year, since when, on which day."""

from __future__ import annotations

import re
from itertools import pairwise

from customer360.ask.chunks import Chunk
from customer360.ask.dates import Window
from customer360.ask.forms.base import main_table
from customer360.ask.forms.implied.orders import Orders
from customer360.ask.frame import within
from customer360.ask.grammar.figures import figure_of
from customer360.ask.grammar.terms import Cond, Figure, as_cond
from customer360.ask.lexicon import date_of
from customer360.ask.slots import NotUnderstood

_SET_AGAINST = ("VS", "COMPARE", "CHANGE", "PERIODS", "LACKED", "NOT", "NEVER")
_AGAINST = ("VS", "COMPARE", "CHANGE", "PERIODS", "AND", "BUT", "OR", "TO", "TIME")


class Times(Orders):
    """Makes explicit when something was."""

    def _is_by_opening(self) -> bool:
        """Tell whether the groups are of the day on which accounts were opened."""
        table = main_table(self.lexicon)
        opened = date_of(self.model, table)
        groups = [group for one in self.slots.chunks if one.kind == "GROUP" for group in one.data.dimensions]
        return any(group.name == opened for group in groups)

    def _opened_then(self) -> None:
        """Read "2025 spend of customers who opened their account in 2024" as spend then, of those who opened then."""
        chunks = self.slots.chunks
        item = self._default_date(main_table(self.lexicon))
        if item is None or len([one for one in chunks if one.kind == "TIME"]) != 2 or self.slots.has(*_SET_AGAINST):
            return
        for place, (one, after) in enumerate(pairwise(chunks)):
            if one.kind == "OPEN" and after.kind == "TIME":
                cond = Cond(within(item.full_name, after.data), item)
                chunks[place : place + 2] = [one.made("COND", cond, after)]
                return

    def _today_beside(self) -> None:
        """Leave out "today" beside another time: what is known of customers is known as of today anyway."""
        times = [one for one in self.slots.chunks if one.kind == "TIME"]
        said = [one for one in times if one.text.casefold() in ("today", "as of today")]
        if len(times) == 2 and len(said) == 1:
            self.slots.chunks.remove(said[0])

    def _in_that_year(self) -> None:
        """Read "Q3 revenue last year" as of that year's third quarter."""
        chunks = self.slots.chunks
        for year in [one for one in chunks if one.kind == "TIME" and one.data.unit == "year" and one.data.count == 1]:
            parts = [one for one in chunks if one.kind == "TIME" and _is_part_of_any_year(one)]
            near = [one for one in parts if not self._are_compared(one, year)]
            if len(near) == 1 and not year.data.rolling and year.data.start:
                chunks[chunks.index(near[0])] = near[0].made("TIME", near[0].data.in_year(year.data.start.year), year)
                chunks.remove(year)

    def _are_compared(self, one: Chunk, other: Chunk) -> bool:
        """Tell whether something between two chunks sets them against each other."""
        first, last = sorted((one.first, other.first))
        return any(first < each.first < last for each in self.slots.asked if each.kind in _AGAINST)

    def _said_twice(self) -> None:
        """Leave out the name of a date that a verb says, and the unit that a number has anyway."""
        chunks = self.slots.chunks
        opened = self._default_date(main_table(self.lexicon))
        for place, one in enumerate(chunks[1:], 1):
            before = [each for each in chunks[:place] if each.kind != "COMMA"][-1:]
            is_date = one.kind == "FIELD" and one.data == opened and self.slots.has("OPEN") and self.slots.has("TIME")
            said = before[0].data if before and before[0].kind in ("FIELD", "MEASURE") else None
            item = said.item if isinstance(said, Figure) else said
            is_unit = one.kind == "UNITWORD" and item is not None and item.unit == f"{one.data}s"
            if is_unit or (is_date and self.slots.has("COUNTED", "MEASURE")):
                chunks.remove(one)
                return

    def _how_long(self) -> None:
        """Read "how long have they been with us" as the mean of the field that holds it."""
        slots = self.slots
        if not slots.has("HOWLONG") or not slots.has("TENURE"):
            return
        asked, _ = slots.take("HOWLONG")[0], slots.take("TENURE")
        months = (one for one in self.model.items if one.unit == "months" and one.kind == "fact")
        item = next((one for one in months if self.lexicon.extensions[one.full_name].asked), None)
        figure = figure_of(self.lexicon, "avg", item) if item is not None else None
        if figure is None:
            raise NotUnderstood(asked.text)
        slots.chunks.append(asked.made("MEASURE", figure))

    def _when_opened(self) -> None:
        """Read "when did … open their account" as asking for that date."""
        slots = self.slots
        if not slots.has("WHEN") or not slots.has("OPEN"):
            return
        slots.take("WHEN")
        opened = slots.take("OPEN")[0]
        item = self._default_date(main_table(self.lexicon))
        if item is None:
            raise NotUnderstood(opened.text)
        slots.chunks.append(opened.made("FIELD", item))

    def _when_done(self) -> None:
        """Read "when did … last buy" as asking for the date of the last that was done."""
        slots = self.slots
        recent = next((one for one in slots.chunks if one.kind == "RECENT"), None)
        things = [one for one in slots.chunks if one.kind == "ENTITY" and one.data == self._activity()]
        is_named = recent is not None and any(one.first == recent.last for one in things)
        if recent is None or not slots.has("WHEN") or not (slots.has("BUY") or (things and not is_named)):
            return
        if len(things) == 1 and recent.last <= things[0].first:
            slots.take("BUY")  # on which date did the earliest of some take place: that row
            return
        keyed = any(one.kind in ("VALUE", "COND") and self._is_key(as_cond(one)) for one in slots.chunks)
        if not keyed and not slots.has("GROUP"):
            raise NotUnderstood("when who did", "missing_slots")
        slots.chunks = [one for one in slots.chunks if one not in things]
        item = self._default_date(self._activity())
        figure = figure_of(self.lexicon, "max" if recent.data == "desc" else "min", item) if item else None
        if figure is None:
            raise NotUnderstood(recent.text)
        slots.chunks[slots.chunks.index(recent)] = recent.made("MEASURE", figure)
        slots.take("WHEN", "BUY")

    def _which_day(self) -> None:
        """Read "on which date" as asking for the day that has the most, or a measure that fits."""
        slots = self.slots
        when = next((one for one in slots.chunks if one.kind == "WHEN"), None)
        ranks = slots.has("SUP", "TOP", "GOOD", "HELD") or self._superlative() is not None
        if when is not None and ranks and any(word in when.text.casefold() for word in ("day", "date")):
            slots.chunks[slots.chunks.index(when)] = when.made("UNITWORD", "day")

    def _each_month(self) -> None:
        """Read "how much do retired customers spend per month on average" as the mean that the profile holds."""
        slots = self.slots
        measures = [one for one in slots.chunks if one.kind == "MEASURE"]
        grains = [one for one in slots.chunks if one.kind == "GRAIN" and one.data == "month"]
        aggs = [one for one in slots.chunks if one.kind == "AGG" and one.data == "avg"]
        if len(measures) != 1 or len(grains) != 1 or slots.has("TIME"):
            return
        if aggs and measures[0].data.agg not in ("", "avg"):
            return
        figure: Figure = measures[0].data
        metric = figure.of.full_name if figure.of else figure.measure
        name = next((name for name, one in self.lexicon.extensions.items() if one.per_month_of == metric), None)
        item = next((one for one in self.model.items if one.full_name == name), None)
        if item is None or not (aggs or figure.agg == "avg") or not self._only_about(item.table):
            return
        found = figure_of(self.lexicon, "avg", item)
        if found is not None:
            slots.chunks[slots.chunks.index(measures[0])] = measures[0].made("MEASURE", found)
            slots.chunks = [one for one in slots.chunks if one not in (*grains, *aggs)]

    def _only_about(self, table: str) -> bool:
        """Tell whether something restricts the rows of a table, and nothing anything finer."""
        chunks = self.slots.chunks
        conds = [as_cond(one).item.table for one in chunks if one.kind in ("VALUE", "COND")]
        groups = [
            one.name.rpartition(".")[0] for chunk in chunks if chunk.kind == "GROUP" for one in chunk.data.dimensions
        ]
        people = any(one.kind == "ENTITY" and one.data == table for one in chunks)
        near = all(self.model.relations.reaches(table, name) for name in (*conds, *groups))
        return near and (people or bool(conds) or bool(groups))


def _is_part_of_any_year(one: Chunk) -> bool:
    """Tell whether a window is a month or quarter of which the year was not said."""
    window: Window = one.data
    is_part = window.unit in ("month", "quarter") and not window.rolling and bool(window.start and window.end)
    return is_part and not re.search(r"\d{4}|\b(?:last|this|previous|prior|current|past)\b", one.text.casefold())
