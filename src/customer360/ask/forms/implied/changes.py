"""What words of change imply: declining spend, what fell by half."""

from __future__ import annotations

from customer360.ask.chunks import Chunk
from customer360.ask.forms.base import main_table
from customer360.ask.forms.implied.counts import Counts
from customer360.ask.grammar.terms import Cmp, Cond, Figure, compare_filter
from customer360.ask.slots import NotUnderstood
from customer360.semantic import Item


class Changes(Counts):
    """Makes explicit what changed against what."""

    def _fallen(self) -> None:
        """Read "customers whose spend dropped by 30 %" as a condition on the change that the profile holds."""
        slots = self.slots
        table = main_table(self.lexicon)
        named = [one for one in slots.chunks if self._table_of_people(one) == table]
        people = bool(named) or (slots.has("WHO") and any(one.data.item.table == table for one in self._values()))
        self._unneeded_period()
        self._changing_spend()
        self._declining_spend(people=people)
        measures = [one for one in slots.chunks if one.kind == "MEASURE" and one not in named]
        changes = [one for one in slots.chunks if one.kind == "CHANGE"]
        if (
            people
            and len(measures) == len(changes) == 1
            and slots.has("SUP", "TOP")
            and not slots.has("PERIODS", "GRAIN", "TREND", "TIME")
        ):
            self._most_changed(measures[0], changes[0])
            return
        if (
            not people
            or len(measures) != 1
            or len(changes) != 1
            or slots.has("TOP", "SUP", "PERIODS", "GRAIN", "TREND")
        ):
            return
        name = next(
            (name for name, one in self.lexicon.extensions.items() if one.change_of == measures[0].data.measure), None
        )
        item = next((one for one in self.model.items if one.full_name == name), None)
        windows = [one for one in slots.chunks if one.kind == "TIME"]
        if item is None or any(not one.data.rolling or one.data.count != 90 for one in windows):
            return
        rises = changes[0].data != "down" and any(
            word in changes[0].text.casefold()
            for word in ("increas", "grow", "grew", "rose", "rise", "ris", "up", "doubl")
        )
        if changes[0].data != "down" and not rises:
            return
        compared = [one for one in slots.chunks if one.kind == "CMP" and one.data.unit == "percent"]
        compared = compared or self._by_half()
        value = compared[0].data.values[0] if compared else 100 if "doubl" in changes[0].text.casefold() else 0
        op = compared[0].data.op if compared else ">"
        if op not in (">", ">="):
            return
        tree = compare_filter(item, op, (value,)) if rises else compare_filter(item, op.replace(">", "<"), (-value,))
        place = slots.chunks.index(measures[0])
        slots.chunks[place] = measures[0].made("COND", Cond(tree, item), changes[0])
        for one in (
            *changes,
            *compared,
            *windows,
            *(other for other in slots.chunks if other.kind in ("VS", "OP", "BY")),
        ):
            slots.chunks.remove(one)

    def _values(self) -> list[Chunk]:
        """Return the values where nothing is named whose they are: High-Value Travelers whose spend fell."""
        chunks = self.slots.chunks
        return [] if self.slots.has("ENTITY", "COUNTED") else [one for one in chunks if one.kind == "VALUE"]

    def _by_half(self) -> list[Chunk]:
        """Read "by more than half" as by more than 50 %."""
        chunks = self.slots.chunks
        for place, one in enumerate(chunks):
            before = chunks[place - 1] if place else None
            if one.kind == "TIMES" and one.data < 1 and before is not None and before.kind == "OP":
                made = before.made("CMP", Cmp(before.data, (100 * one.data,), "percent"), one)
                chunks[place - 1 : place + 1] = [made]
                return [made]
        return []

    def _changed(self, measure: Chunk) -> Item | None:
        """Return the field that holds how much a measure changed."""
        name = next(
            (
                name
                for name, one in self.lexicon.extensions.items()
                if one.change_of and one.change_of == measure.data.measure
            ),
            None,
        )
        return next((one for one in self.model.items if one.full_name == name), None)

    def _most_changed(self, measure: Chunk, change: Chunk) -> None:
        """Read "who increased their spend the most" as a ranking by the change that the profile holds."""
        item = self._changed(measure)
        if item is None:
            return
        chunks = self.slots.chunks
        text = "drop" if change.data == "down" else "increase"
        chunks[chunks.index(measure)] = Chunk("FIELD", item, measure.first, measure.last, text)
        chunks.remove(change)

    def _unneeded_period(self) -> None:
        """Leave out "versus the prior 90 days" beside a field that says just that."""
        slots = self.slots
        fields = [
            one for one in slots.chunks if one.kind == "FIELD" and self.lexicon.extensions[one.data.full_name].change_of
        ]
        windows = [one for one in slots.chunks if one.kind == "TIME"]
        if fields and windows and all(one.data.rolling and one.data.count == 90 for one in windows):
            slots.take("TIME", "VS")

    def _changing_spend(self) -> None:
        """Read "spend in the last 90 days dropped" as a change of the measure whose last days a field holds."""
        chunks = self.slots.chunks
        for place, one in enumerate(chunks):
            extension = self.lexicon.extensions[one.data.full_name] if one.kind == "FIELD" else None
            if extension and extension.days_of and not extension.days_before and self.slots.has("CHANGE"):
                if self.slots.has("TIME"):
                    raise NotUnderstood(one.text)
                chunks[place] = one.made("MEASURE", Figure(extension.days_of, self._activity(), one.data))

    def _declining_spend(self, *, people: bool) -> None:
        """Read "declining spend" as a fall of the measure, not as the segment of that name."""
        chunks = self.slots.chunks
        for place, one in enumerate(chunks[:-1]):
            after = chunks[place + 1]
            if (
                one.kind == "VALUE"
                and after.kind == "FIELD"
                and one.text.casefold() in ("declining", "falling")
                and self.lexicon.extensions[after.data.full_name].days_of
            ):
                measure = self.lexicon.extensions[after.data.full_name].days_of
                chunks[place + 1] = after = after.made("MEASURE", Figure(measure or "", self._activity(), after.data))
            if (
                one.kind == "VALUE"
                and after.kind == "MEASURE"
                and one.text.casefold() in ("declining", "decreasing", "falling", "growing")
            ):
                item = self._changed(after)
                if item is None:
                    continue
                if not people:
                    raise NotUnderstood(one.text)
                op = ">" if one.text.casefold() == "growing" else "<"
                cond = Cond(compare_filter(item, op, (0,)), item)
                windows = [other for other in chunks if other.kind == "TIME"]
                if any(not other.data.rolling or other.data.count != 90 for other in windows):
                    raise NotUnderstood(one.text)
                chunks[place : place + 2] = [one.made("COND", cond, after)]
                for other in windows:
                    chunks.remove(other)
                return
