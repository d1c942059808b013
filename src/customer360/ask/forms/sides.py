"""Rows set against other rows: one value against the rest or all, what is true against what is not, two bounds."""

from __future__ import annotations

from typing import Literal

from customer360.ask.forms.base import main_table
from customer360.ask.forms.plain import Plain
from customer360.ask.frame import Comparison, Frame
from customer360.ask.grammar.figures import count_of
from customer360.ask.grammar.terms import Cond, compare_filter, value_filter
from customer360.ask.slots import NotUnderstood
from customer360.semantic import Condition, Filter

Show = Literal["both", "difference", "ratio", "change"]


class Sides(Plain):
    """Questions with two sides that no list of values names."""

    def _against(self, show: Show) -> Frame | None:
        """Rows with one value set against all rows, or against the rest: California versus the overall average."""
        slots = self.slots
        overall = [one for one in slots.asked if one.kind == "AGG" and "overall" in one.text.casefold()]
        rest = slots.take("REST")
        if not overall and not rest:
            return None
        values = [one for one in slots.chunks if one.kind == "VALUE"]
        if len(values) != 1 or len(values[0].data.values) != 1 or slots.has("COND", "HELD", "GROUP", "GRAIN", "TREND"):
            raise NotUnderstood((overall or rest)[0].text)
        slots.chunks.remove(values[0])
        slots.take("VS", "TO", "OP")
        self._drop_repeated()
        if overall:
            slots.chunks = [one for one in slots.chunks if one not in overall]
        item, named = values[0].data.item, values[0].data.values
        filters = (value_filter(item, named), *((value_filter(item, named, negated=True),) if rest else ()))
        return self._beside(show, filters, (str(named[0]), "others" if rest else "overall"))

    def _beside(self, show: Show, filters: tuple[Filter, ...], labels: tuple[str, ...]) -> Frame:
        """Return what is left of the question as one figure over each of two parts."""
        self._count_rows()
        frame = self._plain()
        if frame.kind != "figures" or frame.groups:
            raise NotUnderstood(labels[0])
        return frame.model_copy(update={"comparison": Comparison(show=show, filters=filters, labels=labels)})

    def _are_two_values(self) -> bool:
        """Tell whether one value is set against another: by what percent is Premium higher than Standard."""
        lists = [one for one in self.slots.chunks if one.kind == "VALUE" and len(one.data.values) == 2]
        return len(lists) == 1 and not self.slots.has("GROUP", "GRAIN", "TREND", "SUP", "TOP")

    def _two_conditions(self, show: Show) -> Frame | None:
        """Rows within one bound set against those within another: customers under 40 versus 40 and over."""
        slots = self.slots
        self._age_bounds()
        conds = [one for one in slots.chunks if one.kind == "COND" and not one.data.values]
        links = [one.first for one in slots.chunks if one.kind in ("VS", "TO")]
        if len(conds) != 2 or not any(conds[0].first < link < conds[1].first for link in links):
            return None
        same = conds[0].data.item == conds[1].data.item
        if not same or not all(isinstance(one.data.filter, Condition) for one in conds):
            raise NotUnderstood(conds[1].text)
        slots.chunks = [one for one in slots.chunks if one not in conds]
        self._drop_repeated()
        if any(one.kind == "OP" and one.last in (conds[0].first, conds[1].first) for one in slots.chunks):
            raise NotUnderstood(conds[0].text)
        slots.take("VS", "TO", "OP", "BETWEEN")
        filters, labels = tuple(one.data.filter for one in conds), tuple(one.text for one in conds)
        return self._beside(show, filters, labels)

    def _two_flags(self, show: Show) -> Frame | None:
        """What is true of some set against what is not: the ratio of discretionary to other spend."""
        flags = [one for one in self.slots.chunks if one.kind == "GROUP" and len(one.data.dimensions) == 1]
        item = next(
            (one for one in self.model.items if flags and one.full_name == flags[0].data.dimensions[0].name), None
        )
        if show not in ("ratio", "difference") or item is None or item.data_type != "BOOLEAN" or len(flags) != 1:
            return None
        first = [one for one in self.slots.asked if one.kind == "COND" and one.data.item == item]
        if len(first) != 2:
            return None
        self.slots.chunks.remove(flags[0])
        self.slots.take("VS", "TO", "OP", "BETWEEN")
        filters, labels = tuple(one.data.filter for one in first), tuple(one.text for one in first)
        return self._beside(show, filters, labels)

    def _age_bounds(self) -> None:
        """Read two bounds of which none says of what, beside people, as ages."""
        bounds = [one for one in self.slots.chunks if one.kind == "CMP"]
        table = main_table(self.lexicon)
        age = next((one for one in self.model.items if one.name == "age" and one.table == table), None)
        named = any(one.kind == "ENTITY" and one.data == table for one in self.slots.chunks)
        fits = all(not one.data.unit and all(16 <= value <= 110 for value in one.data.values) for one in bounds)
        if len(bounds) != 2 or age is None or not named or not fits:
            return
        self.slots.assume(f"“{bounds[0].text}” and “{bounds[1].text}” are meant as years of age.")
        for one in bounds:
            cond = Cond(compare_filter(age, one.data.op, one.data.values), age)
            self.slots.chunks[self.slots.chunks.index(one)] = one.made("COND", cond)

    def _drop_repeated(self) -> None:
        """Leave out what is named once more on the other side: customers under 40 versus customers over 40."""
        seen: list[str] = []
        for one in [each for each in self.slots.chunks if each.kind in ("ENTITY", "MEASURE")]:
            name = str(one.data.measure) if one.kind == "MEASURE" else one.data
            if name in seen:
                self.slots.chunks.remove(one)
            seen.append(name)

    def _count_rows(self) -> None:
        """Compare how many rows there are, where no measure is named."""
        slots = self.slots
        entity = next((one for one in slots.chunks if one.kind == "ENTITY"), None)
        found = count_of(self.lexicon, entity.data) if entity is not None else None
        if entity is not None and found is not None and not slots.has("MEASURE", "COUNTED", "COUNTEDFIELD"):
            slots.chunks[slots.chunks.index(entity)] = entity.made("COUNTED", (found, entity.data, False))
