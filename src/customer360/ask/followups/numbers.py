"""More or fewer rows, and other numbers in comparisons."""

from __future__ import annotations

from collections.abc import Sequence

from customer360.ask.chunks import Chunk
from customer360.ask.followups.grouping import Grouping
from customer360.ask.frame import Rank, fields_of
from customer360.ask.grammar.figures import count_of
from customer360.ask.grammar.terms import compare_filter, number
from customer360.ask.lexicon import is_numeric
from customer360.ask.slots import NotUnderstood, numeric
from customer360.semantic import Condition, Item


class Numbers(Grouping):
    """Changes numbers of the frame."""

    def _limit(self) -> None:
        slots = self.slots
        self._renumber()
        nth = slots.take("NTH", "NTHNUM")
        if nth and self.frame.rank:
            self._set(rank=self.frame.rank.model_copy(update={"offset": int(nth[0].data) - 1, "limit": 1}))
        elif nth:
            raise NotUnderstood(nth[0].text)
        firsts = [one for one in slots.chunks if one.kind == "RECENT" and "first" in one.text.casefold()]
        slots.chunks = [one for one in slots.chunks if one not in firsts]
        if slots.has("SORT", "DIR") and slots.has("SUP"):
            return
        tops, sups = slots.take("TOP"), slots.take("SUP")
        if firsts and not slots.has("NUM"):
            raise NotUnderstood(firsts[0].text)
        numbers = [
            one for one in slots.chunks if one.kind == "NUM" and float(one.data[0]).is_integer() and not one.data[1]
        ]
        if not (tops or sups or numbers):
            return
        slots.chunks = [one for one in slots.chunks if one not in numbers]
        slots.take("ITEM")
        frame = self.frame
        if not tops and not sups and not frame.rank and self._change_number(numbers):
            return
        if len(numbers) > 1 or (not frame.groups and frame.kind != "rows"):
            raise NotUnderstood((numbers or tops or sups)[0].text)
        directions = [one.data for one in (*tops, *sups)]
        rank = frame.rank or Rank(by="*")
        limit = int(numbers[0].data[0]) if numbers else rank.limit or (10 if tops else 1)
        descending = directions[-1] == "desc" if directions else rank.descending
        self._set(rank=rank.model_copy(update={"limit": limit, "descending": descending}))

    def _change_number(self, numbers: Sequence[Chunk]) -> bool:
        """Put a bare number into the only comparison of an unranked list: make it 90."""
        filters = list(self.frame.filters)
        places = [place for place, tree in enumerate(filters) if isinstance(tree, Condition) and self._is_number(tree)]
        tree = filters[places[0]] if len(places) == len(numbers) == 1 else None
        if not isinstance(tree, Condition) or tree.op not in (">", ">=", "<", "<="):
            return False
        filters[places[0]] = numeric(tree.field, tree.op, [number(numbers[0].data[0])])
        self._set(filters=tuple(filters))
        return True

    def _renumber(self) -> None:
        """Put other numbers into the comparison that the frame has: change it to over 10k."""
        lone = [one for one in self.slots.chunks if one.kind == "CMP"]
        if len(lone) != 1:
            return
        filters = list(self.frame.filters)
        if self._rehaving(lone[0]):
            return
        places = [place for place, tree in enumerate(filters) if isinstance(tree, Condition) and self._is_number(tree)]
        of_people = any(
            one.text.casefold().endswith("those") or (one.kind == "ENTITY" and one.data == self.frame.subject)
            for one in self.slots.chunks
        )
        of_people = of_people or self._counts_people()
        steps = (self._aged, self._hold_groups) if of_people else (self._hold_groups, self._aged)
        if not places and any(step(lone[0]) for step in steps):
            return
        if len(places) != 1:
            raise NotUnderstood(lone[0].text)
        tree = filters[places[0]]
        item = next(item for item in self.model.items if item.full_name == next(iter(fields_of(tree))))
        if self.refers and self._may_be_age(lone[0], item):
            raise NotUnderstood(lone[0].text, "ambiguous_term")
        self.slots.chunks.remove(lone[0])
        filters[places[0]] = compare_filter(item, lone[0].data.op, lone[0].data.values)
        self._set(filters=tuple(filters))

    def _counts_people(self) -> bool:
        """Tell whether people are counted, of whom "under 40" says more than of their number."""
        count = count_of(self.lexicon, self.frame.subject)
        return count is not None and self.frame.measures == (count.measure,)

    def _hold_groups(self, lone: Chunk) -> bool:
        """Read "only those above 250k" as a condition on the one figure that the groups have."""
        measure = self.frame.measures[0] if len(self.frame.measures) == 1 else None
        if not isinstance(measure, str) or not self.frame.groups or self.frame.having or self.frame.show != "value":
            return False
        self.slots.chunks.remove(lone)
        self._set(having=(numeric(measure, lone.data.op, [number(value) for value in lone.data.values]),))
        return True

    def _aged(self, lone: Chunk) -> bool:
        """Read "only those over 60" as an age, where nothing else is compared."""
        age = self._age()
        if age is None or not self._may_be_age(lone):
            return False
        self.slots.chunks.remove(lone)
        self.slots.assume(f"“{lone.text}” is meant as years of age.")
        self._set(filters=(*self.frame.filters, compare_filter(age, lone.data.op, lone.data.values)))
        return True

    def _age(self) -> Item | None:
        return next((one for one in self.model.items if one.name == "age" and one.table == self.frame.subject), None)

    def _may_be_age(self, lone: Chunk, compared: Item | None = None) -> bool:
        """Tell whether a comparison may be one of years, and not of what is compared so far."""
        age = self._age()
        in_years = not lone.data.unit and all(16 <= value <= 110 for value in lone.data.values)
        return in_years and age is not None and compared != age

    def _rehaving(self, lone: Chunk) -> bool:
        """Put other numbers into the only condition on groups."""
        having = self.frame.having
        if len(having) != 1 or not isinstance(having[0], Condition):
            return False
        tree = numeric(having[0].field, lone.data.op, [number(value) for value in lone.data.values])
        self.slots.chunks.remove(lone)
        self._set(having=(tree,))
        return True

    def _is_number(self, tree: Condition) -> bool:
        item = next((item for item in self.model.items if item.full_name == tree.field), None)
        return item is not None and is_numeric(item)
