"""What amounts imply: how much of what, over which number."""

from __future__ import annotations

from itertools import pairwise

from customer360.ask.chunks import Chunk
from customer360.ask.dates import last_days
from customer360.ask.forms.base import is_plural, leaves_out, main_table
from customer360.ask.forms.implied.times import Times
from customer360.ask.grammar.figures import aggregated_item, count_of, figure_of, metric_figure, size_of
from customer360.ask.grammar.terms import Cond, Figure, Held, as_cond, compare_filter, either, is_none_of
from customer360.ask.lexicon import is_numeric
from customer360.ask.slots import NotUnderstood
from customer360.semantic import Condition, Item


class Amounts(Times):
    """Makes explicit what an amount is of."""

    def _how_much(self) -> None:
        """Read "how much" as the sum of the money that is named, or of the rows that are."""
        slots = self.slots
        if slots.has("CHANGE"):
            slots.take("HOWMUCH")
        if not slots.has("HOWMUCH"):
            return
        asked, *more = slots.take("HOWMUCH")
        if more:
            raise NotUnderstood(more[0].text)
        if asked.text.casefold().startswith("by"):
            slots.chunks.append(asked.made("DIFF", ""))
            return
        fields = [one for one in slots.chunks if one.kind == "FIELD" and one.data.unit == "currency"]
        is_said = any(one.kind == "MEASURE" and one.data.item.unit == "currency" for one in slots.chunks)
        if is_said or self._is_of_one(asked):
            return
        figure = self._asked_of(fields[0].data) if len(fields) == 1 else None
        if figure is not None:
            slots.chunks[slots.chunks.index(fields[0])] = fields[0].made("MEASURE", figure)
        elif not self._sum_of_rows(asked):
            raise NotUnderstood(asked.text)

    def _spent_lately(self) -> None:
        """Read "states by spend in the last 90 days" as what was spent then: the field is that of each customer."""
        chunks, extensions = self.slots.chunks, self.lexicon.extensions
        fields = [one for one in chunks if one.kind == "FIELD" and extensions[one.data.full_name].days_of]
        if len(fields) != 1 or self._is_of_each() or self.slots.has("CHANGE", "VS", "COMPARE", "AGG", "TIME", "CORR"):
            return
        field, known = fields[0], extensions[fields[0].data.full_name]
        metric = next(one for one in self.model.items if one.full_name == known.days_of)
        window = last_days(self.lexicon.newest, known.days, known.days_before)
        place = chunks.index(field)
        chunks[place : place + 1] = [
            field.made("MEASURE", metric_figure(self.model, metric)),
            field.made("TIME", window),
        ]

    def _is_of_each(self) -> bool:
        """Tell whether rows are asked for, each by itself, and no groups."""
        grouped = any(one.kind == "FIELD" and not is_numeric(one.data) for one in self.slots.chunks)
        return self.slots.has("WHO", "ENTITY") and not (grouped or self.slots.has("GROUP", "UNITWORD"))

    def _spent_where(self) -> None:
        """Leave out "merchants" in what was spent at Utilities merchants: it says where, as their category does."""
        chunks = self.slots.chunks
        if not self.slots.has("MEASURE") or self.slots.has("SUP", "TOP", "COUNTEDFIELD", "WHICH", "BY", "HELD"):
            return
        for place, (one, after) in enumerate(pairwise(chunks)):
            is_kind = one.kind == "VALUE" and after.kind == "FIELD" and after.data.kind == "dimension"
            is_place = is_kind and after.data.table == self._activity() and one.data.item.table != after.data.table
            if is_place and one.last == after.first and is_plural(after) and not self._is_list():
                del chunks[place + 1]
                return

    def _is_list(self) -> bool:
        """Tell whether what follows is to be listed: list the merchants, and not show me what was spent."""
        first = [one.kind for one in self.slots.asked if one.kind != "TO"][:2]
        return first[0] == "LIST" and first[1:] != ["WHAT"]

    def _asked_of(self, item: Item) -> Figure | None:
        """Return what "how much" asks of a field: what was spent in so many days in all, or a month on average."""
        known = self.lexicon.extensions[item.full_name]
        if known.days_of:
            return figure_of(self.lexicon, "sum", item)
        return figure_of(self.lexicon, "avg", item) if known.per_month_of else None

    def _is_of_one(self, asked: Chunk) -> bool:
        """Tell whether the amount is that of a row which a superlative names: the amount of the third largest."""
        after = [one for one in self.slots.chunks if one.first >= asked.last]
        entity = next((one for one in after if one.kind == "ENTITY"), None)
        sized = entity is not None and size_of(self.lexicon, entity.data) is not None
        return sized and bool(after) and after[0].kind in ("SUP", "NTH", "NTHNUM", "RECENT")

    def _sum_of_rows(self, asked: Chunk) -> bool:
        """Read "the amount of declined transactions" and "how much was declined" by size, or by number."""
        chunks = self.slots.chunks
        named = [one for one in chunks if one.kind == "ENTITY"]
        of = named or [one for one in chunks if one.kind in ("VALUE", "COND")]
        if len(of) != 1 or any(one.kind in ("FIELD", "MEASURE", "COUNTED") for one in chunks):
            return False
        table = of[0].data if named else as_cond(of[0]).item.table
        item = size_of(self.lexicon, table)
        figure = figure_of(self.lexicon, "sum", item) if item is not None else None
        figure = figure or (count_of(self.lexicon, table) if named else None)
        if figure is None:
            return False
        if named:
            chunks.remove(of[0])
        chunks.insert(0, asked.made("MEASURE", figure, *named))
        return True

    def _asked_amounts(self) -> None:
        """Hold amounts of declined rows against what was asked for, because nothing was spent."""
        chunks = self.slots.chunks
        conds = [as_cond(one) for one in chunks if one.kind in ("VALUE", "COND")]
        for place, one in enumerate(chunks):
            cond = one.data if one.kind == "COND" else None
            if cond is None or not isinstance(cond.filter, Condition):
                continue
            amount, other = (aggregated_item(self.lexicon, cond.item, name) for name in ("as", "otherwise"))
            if amount and other and any(leaves_out(amount, each) for each in conds if each.values):
                moved = cond.filter.model_copy(update={"field": other.full_name})
                chunks[place] = one.made("COND", Cond(moved, other, cond.values, cond.negated))

    def _unheld(self) -> None:
        """Take a count and a comparison apart where nothing is grouped: how many people under 30."""
        chunks = self.slots.chunks
        if self.slots.has("FIELD", "GROUP", "COUNTEDFIELD", "UNITWORD", "GRAIN"):
            return
        for place, one in enumerate(chunks):
            if one.kind == "HELD" and one.data.counted is not None:
                chunks[place : place + 1] = list(one.data.counted)
            elif one.kind == "HELD" and not self.slots.has("ENTITY", "COUNTED", "MEASURE") and not is_none_of(one.data):
                chunks[place : place + 1] = self._sized(one)

    def _sized(self, held: Chunk) -> list[Chunk]:
        """Read "how many transactions were worth more than 1k" as of those with such an amount."""
        data: Held = held.data
        item = size_of(self.lexicon, data.figure.table)
        counts = count_of(self.lexicon, data.figure.table)
        if item is None or counts is None or data.figure.measure != counts.measure or data.filters or data.average:
            return [held]
        cond = Cond(compare_filter(item, data.op, [float(value) for value in data.values]), item)
        return [held.made("MEASURE", counts), held.made("COND", cond)]

    def _lone_number(self) -> None:
        """Read a comparison that names nothing, beside people, as one of their age."""
        slots = self.slots
        lone = [one for one in slots.chunks if one.kind in ("CMP", "CMPS", "CMPOR")]
        table = main_table(self.lexicon)
        age = next((item for item in self.model.items if item.name == "age" and item.table == table), None)
        people = any(
            (one.kind == "ENTITY" and one.data == table) or (one.kind == "COUNTED" and one.data[1] == table)
            for one in slots.chunks
        )
        if len(lone) != 1 or age is None or not people:
            return
        behind = [one for one in slots.chunks if one.last <= lone[0].first and one.kind != "IS"]
        if slots.has("TOP") and (not behind or behind[-1].kind not in ("ENTITY", "COUNTED")):
            return
        bounds = lone[0].data if lone[0].kind != "CMP" else (lone[0].data,)
        beside = [one for one in slots.chunks if one.first == lone[0].last and one.kind == "ENTITY"]
        if any(one.data != table for one in beside):
            return
        if any(cmp.unit or not all(16 <= value <= 110 for value in cmp.values) for cmp in bounds):
            return
        slots.assume(f"“{lone[0].text}” is meant as years of age.")
        place = slots.chunks.index(lone[0])
        each = [Cond(compare_filter(age, cmp.op, cmp.values), age) for cmp in bounds]
        conds = [either(age, bounds)] if lone[0].kind == "CMPOR" else each
        slots.chunks[place : place + 1] = [lone[0].made("COND", cond) for cond in conds]
