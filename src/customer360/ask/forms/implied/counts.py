"""What "how many" and "on average" imply at the end of a question."""

from __future__ import annotations

from customer360.ask.chunks import Chunk
from customer360.ask.forms.base import is_plural, main_table
from customer360.ask.forms.implied.people import People
from customer360.ask.grammar.figures import count_of, figure_of, size_of
from customer360.ask.grammar.terms import Figure, as_cond
from customer360.ask.lexicon import is_numeric
from customer360.ask.slots import NotUnderstood


class Counts(People):
    """Makes explicit what is counted or averaged."""

    def _lone_count(self) -> None:
        """Read "…, how many?" at the end as counting what was named before."""
        slots = self.slots
        if not slots.has("COUNT") or (slots.has("UNITWORD") and slots.has("HELD")):
            return
        count = slots.take("COUNT")[0]
        if slots.has("MEASURE", "COUNTED", "COUNTEDFIELD") or self._is_shown_anyway(count):
            return
        if slots.has("AGG") and count.text.casefold().startswith(("how large", "how big")):
            return
        thing = next((one for one in slots.chunks if one.kind == "ENTITY"), None)
        field = next((one for one in slots.chunks if one.kind == "FIELD" and not is_numeric(one.data)), None)
        if thing is None and field is not None:
            slots.chunks[slots.chunks.index(field)] = field.made(
                "COUNTEDFIELD", (figure_of(self.lexicon, "count_distinct", field.data), field.data), count
            )
        elif thing is None and not slots.has("VALUE", "COND", "HELD", "OPEN"):
            raise NotUnderstood(count.text, "missing_slots")
        else:
            self._count_rows_of(thing, count)

    def _is_shown_anyway(self, count: Chunk) -> bool:
        """Tell whether "…, with the count" only asks to see by what groups were sought."""
        asked = self.slots.asked
        link = asked[-2] if asked[-1] is count and len(asked) > 1 else None
        is_beside = link is not None and link.kind in ("IS", "AND")
        is_shown = self.slots.listing or (link is not None and link.text.casefold() == "with")
        return is_beside and is_shown and self.slots.has("HELD")

    def _count_rows_of(self, thing: Chunk | None, count: Chunk) -> None:
        """Count the rows that are named, else those that do things."""
        chunks = self.slots.chunks
        table = thing.data if thing else self._counted_table()
        found = count_of(self.lexicon, table)
        if found is None:
            raise NotUnderstood(count.text)
        counted = (thing or count).made("COUNTED", (found, table, False))
        if thing:
            chunks[chunks.index(thing)] = counted
        else:
            chunks.append(counted)

    def _counted_table(self) -> str:
        """Return what is counted where nothing is named: those who do things, or what they did of which status."""
        named = [as_cond(one).item.table for one in self.slots.chunks if one.kind in ("VALUE", "COND")]
        activity = self._activity()
        return (
            activity if named and activity in named and not self.slots.has("OPEN", "HELD") else main_table(self.lexicon)
        )

    def settle_aggregate(self) -> None:
        """Read "on average", "in total" and their like, wherever they stand, as said of the one thing measured."""
        slots = self.slots
        aggs = [one for one in slots.chunks if one.kind == "AGG"]
        if len(aggs) != 1:
            return
        measures = [one for one in slots.chunks if one.kind in ("MEASURE", "COUNTED", "COUNTEDFIELD")]
        if measures:
            if len(measures) == 1 and _says_the_same(aggs[0].data, measures[0]):
                slots.chunks.remove(aggs[0])
            return
        total_of_held = aggs[0].data == "sum" and slots.has("HELD")
        if total_of_held or (aggs[0].data == "avg" and self._superlative() is not None):
            slots.chunks.remove(aggs[0])
        else:
            self._aggregate(aggs[0])

    def _aggregate(self, agg: Chunk) -> None:
        """Aggregate the one number that is named, or what makes a row large: the average transaction."""
        slots = self.slots
        fields = [one for one in slots.chunks if one.kind == "FIELD" and is_numeric(one.data)]
        if len(fields) != 1:
            self._aggregate_of_rows(agg)
            return
        found = figure_of(self.lexicon, agg.data, fields[0].data)
        if found is not None and not fields[0].text.casefold().startswith("of "):
            slots.chunks.remove(agg)
            slots.chunks[slots.chunks.index(fields[0])] = fields[0].made("MEASURE", found)

    def _count(self, thing: Chunk) -> None:
        """Read total transactions as how many there are."""
        found = count_of(self.lexicon, thing.data)
        if found is None:
            raise NotUnderstood(thing.text)
        self.slots.chunks[self.slots.chunks.index(thing)] = thing.made("COUNTED", (found, thing.data, False))

    def _aggregate_of_rows(self, agg: Chunk) -> None:
        """Read "the average transaction" as the average of what makes one large."""
        slots = self.slots
        for one in slots.chunks:
            if one.kind == "ENTITY" and "total" in agg.text.casefold() and "amount" not in agg.text.casefold():
                slots.chunks.remove(agg)
                self._count(one)
                return
            if one.kind == "ENTITY" and agg.data == "avg" and slots.has("GRAIN") and is_plural(one):
                self._count(one)
                return
            if one.kind == "ENTITY" and (agg.data == "sum" or not one.text.casefold().endswith("s")):
                item = size_of(self.lexicon, one.data)
                figure = figure_of(self.lexicon, agg.data, item) if item is not None else None
                if figure is not None:
                    slots.chunks.remove(agg)
                    slots.chunks[slots.chunks.index(one)] = one.made("MEASURE", figure, agg)
                return


def _says_the_same(agg: str, measured: Chunk) -> bool:
    """Tell whether an aggregate adds nothing to what is measured: the total number, the average rate."""
    if measured.kind != "MEASURE":
        return agg == "sum"
    figure: Figure = measured.data
    is_total = agg == "sum" and figure.item.unit in ("count", "currency") and not figure.agg
    return figure.agg == agg or is_total or (agg == "avg" and figure.item.unit in ("percent", "score"))
