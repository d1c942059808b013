"""What a follow-up refers to: a row of the last answer, "their", the measure that it replaces."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from customer360.ask.chunks import renamed
from customer360.ask.followups.base import Change
from customer360.ask.frame import fields_of
from customer360.ask.grammar.figures import count_of
from customer360.ask.grammar.terms import Cond, value_filter
from customer360.ask.ordering import sort_frame
from customer360.ask.slots import NotUnderstood
from customer360.semantic import Condition, Item


class References(Change):
    """Puts what is meant in the place of what refers to it."""

    def _refer(self) -> None:
        """Read "the second one" as the value that the second row of the last answer has."""
        chunks = self.slots.chunks
        for place, one in enumerate(chunks):
            if one.kind != "NTHONE":
                continue
            keys = [str(group).partition(":")[0] for group in self.frame.groups] or list(self.frame.fields[:1])
            rows = self.context.rows
            index = one.data - 1 if one.data > 0 else len(rows) - 1
            if self._is_next_of_first(index):
                chunks[place] = one.made("NTH", one.data)
                continue
            if not keys or index >= len(rows):
                raise NotUnderstood(one.text, "no_context")
            item = next(item for item in self.model.items if item.full_name == keys[0])
            value = rows[index].get(item.name)
            if value is None:
                raise NotUnderstood(one.text, "no_context")
            cond = Cond(Condition(field=item.full_name, op="=", value=value), item, (value,))
            chunks[place] = one.made("COND", cond)
            self._set(groups=tuple(group for group in self.frame.groups if group.name != item.full_name), rank=None)

    def _name_values(self) -> None:
        """Read "and medium?" as a value of the field that the frame holds against another one."""
        held = {name for tree in (*self.frame.filters, *self.frame.part) for name in fields_of(tree)}
        chunks = self.slots.chunks
        for place, one in enumerate(chunks):
            if one.kind == "NAMEDVALUE" and one.data.item.full_name in held:
                chunks[place] = renamed(one, "VALUE")

    def _is_next_of_first(self, index: int) -> bool:
        """Tell whether a row is meant that the last answer left out, because it was only the first of a ranking."""
        rank = self.frame.rank
        return rank is not None and rank.limit == 1 and not rank.per and index >= len(self.context.rows)

    def _next_rank(self) -> None:
        """Read "the next one" after the first of a ranking as the one that follows it."""
        chunks, rank = self.slots.chunks, self.frame.rank
        for place, one in enumerate(chunks):
            if one.kind == "AFTER" and "one" in one.text.casefold() and self._is_next_of_first(1) and rank:
                chunks[place] = one.made("NTH", rank.offset + 2)

    def _take_sorting(self) -> None:
        """Take the order; a measure that the answer does not have takes the place of its own."""
        found = self.slots.take_first("SORTING")
        if found is None:
            return
        self.sorting = sorting = found.data
        by = sorting.by
        if by is None or by.kind in ("ADJ", "RECENT") or (self.frame.kind == "rows" and by.kind == "FIELD"):
            return
        try:
            sort_frame(self.lexicon, self.frame, sorting)
        except NotUnderstood:
            self.slots.chunks.append(by)
            self.sorting = replace(sorting, by=None)

    def _take_replaced(self) -> None:
        """Leave out what a follow-up says it does not want any more: weekly rather than monthly."""
        chunks = self.slots.chunks
        tops = [one for one in chunks if one.kind == "TOP"]
        if len(tops) == 2 and chunks[-2].kind in ("NOT", "INSTEAD") and chunks[-1] is tops[1]:
            del chunks[-2:]
        measured = {"MEASURE", "COUNTED", "ENTITY", "COUNT"}
        for place, one in enumerate(chunks[:-2]):
            other = chunks[place + 2]
            kinds = ("GRAIN", "GROUP", "MEASURE", "COUNTED", "AGG", "FIELD", "NUM")
            is_same = one.kind == other.kind and one.kind in kinds
            if chunks[place + 1].kind in ("NOT", "INSTEAD") and (is_same or {one.kind, other.kind} <= measured):
                del chunks[place + 1 : place + 3]
                found = count_of(self.lexicon, one.data) if one.kind == "ENTITY" else None
                if found is not None:
                    chunks[place] = one.made("COUNTED", (found, one.data, False))
                return

    def _refer_to_rows(self) -> None:
        """Read "their" after a ranking as of just the rows that it showed."""
        frame, slots = self.frame, self.slots
        fields = [one for one in slots.chunks if one.kind == "FIELD"]
        works_out = slots.has("MEASURE", "COUNTED", "AGG", "COUNT")
        if slots.has("SHARE") and frame.groups and frame.kind == "figures":
            return  # their share is that in all, and not in what was shown
        if not self.of_rows or slots.has("SORT") or not (works_out or fields) or not (frame.rank and frame.rank.limit):
            return
        if frame.kind == "rows" and fields and not works_out and not slots.has("GROUP"):
            slots.chunks = [one for one in slots.chunks if one not in fields]
            self._set(fields=tuple(dict.fromkeys((*frame.fields, *(one.data.full_name for one in fields)))))
            return
        item, values = self._shown_keys()
        groups = frame.groups if len(values) > 1 else ()
        self._set(filters=(*frame.filters, value_filter(item, values)), groups=groups, rank=None)

    def _shown_keys(self) -> tuple[Item, tuple[Any, ...]]:
        """Return what tells the rows of the last answer apart, and its value in each of them."""
        frame, rows = self.frame, self.context.rows
        name = (*(group.name for group in frame.groups if not group.rounded), *frame.fields, "")[0]
        item = next((one for one in self.model.items if one.full_name == name), None)
        values = tuple(dict.fromkeys(row.get(item.name) for row in rows)) if item else ()
        is_all = bool(frame.rank) and len(values) == len(rows) == (frame.rank.limit if frame.rank else 0)
        if item is None or len(frame.groups) > 1 or not is_all or None in values:
            raise NotUnderstood("them", "no_context")
        return item, values
