"""Another breakdown."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from customer360.ask.chunks import Chunk
from customer360.ask.dates import grain_of, last_days
from customer360.ask.followups.measuring import Measuring
from customer360.ask.frame import Clause, Frame, fields_of
from customer360.ask.grammar.figures import count_of, doers_with, figure_of
from customer360.ask.grammar.terms import WHEN, Groups
from customer360.ask.lexicon import date_of, is_numeric, table_extension
from customer360.ask.slots import NotUnderstood
from customer360.semantic import Condition, Dimension, Formula


class Grouping(Measuring):
    """Changes what the frame is broken down by."""

    def _regroup(self) -> None:
        slots = self.slots
        if slots.has("GROUP", "GRAIN", "TREND", "COUNT"):
            self._list_again()
        self._speak_of_part()
        chunks = slots.take("GROUP", "GRAIN", "TREND")
        self._divide(chunks)
        chunks = [one for one in chunks if one.kind != "GROUP" or not one.data.table]
        fields = [one for one in slots.chunks if one.kind == "FIELD" and not is_numeric(one.data)]
        if not chunks and not fields:
            return
        slots.chunks = [one for one in slots.chunks if one not in fields]
        if fields and not chunks and self._is_of_rows(fields):
            names = tuple(one.data.full_name for one in fields)
            self._set(kind="rows", measures=(), groups=(), rank=None, summary=None, fields=names)
            return
        groups = [
            Dimension(name=one.data.full_name, grain="day" if one.data.kind == "time_dimension" else None)
            for one in fields
        ]
        groups += [dimension for one in chunks for dimension in self._dimensions(one)]
        self._break_down(tuple(self._dated(group) for group in groups))

    def _divide(self, chunks: Sequence[Chunk]) -> None:
        """Divide what was measured by those who had a part in it: and per customer?"""
        per = next((one for one in chunks if one.kind == "GROUP" and one.data.table), None)
        if per is None:
            return
        frame = self.frame
        measure = frame.measures[0] if len(frame.measures) == 1 and frame.show == "value" else None
        item = next((one for one in self.model.items if one.full_name == measure), None)
        doers = doers_with(self.lexicon, per.data.table, item) if item is not None else None
        adds_up = item is not None and isinstance(item.expression, exp.Sum | exp.Count)
        if item is None or doers is None or not adds_up or item.table != frame.subject or frame.having or frame.rank:
            raise NotUnderstood(per.text)
        self.slots.assume("Per customer means: divided by the customers with such transactions.")
        parts = {"op": "ratio", "left": item.full_name, "right": doers, "as": f"{item.name}_per_customer"}
        self._set(measures=(Formula.model_validate(parts),))
        self.slots.chunks = [one for one in self.slots.chunks if one.kind != "AGG" or one.data != "avg"]

    def _speak_of_part(self) -> None:
        """Take "they" after a percentage as those that it was of."""
        frame = self.frame
        if self.refers and (frame.part or frame.part_clauses) and self.slots.has("GROUP", "FIELD"):
            filters, clauses = (*frame.filters, *frame.part), (*frame.clauses, *frame.part_clauses)
            self._set(filters=filters, clauses=clauses, part=(), part_clauses=())

    def _dimensions(self, chunk: Chunk) -> tuple[Dimension, ...]:
        if chunk.kind == "TREND":
            return (Dimension(name=WHEN, grain=grain_of(self._window())),)
        if chunk.kind == "GRAIN":
            return (Dimension(name=WHEN, grain=chunk.data),)
        groups: Groups = chunk.data
        return groups.dimensions

    def _is_of_rows(self, fields: Sequence[Chunk]) -> bool:
        """Tell whether fields name single rows, which are listed, not counted."""
        extension = table_extension(self.model, self.frame.subject)
        names = {f"{self.frame.subject}.{name}" for name in extension.row_fields}
        return all(one.data.full_name in names for one in fields)

    def _dated(self, group: Dimension) -> Dimension:
        if group.name != WHEN:
            return group
        extension = table_extension(self.model, self.frame.subject)
        if self.frame.window_field:
            return group.model_copy(update={"name": self.frame.window_field})
        if extension.activity or not extension.default_time_dimension:
            raise NotUnderstood("over time", "no_history")
        return group.model_copy(update={"name": date_of(self.model, self.frame.subject)})

    def _break_down(self, groups: tuple[Dimension, ...]) -> None:
        frame = self.frame
        if frame.kind == "rows":
            count = count_of(self.lexicon, frame.subject)
            if count is None:
                raise NotUnderstood("by")
            return self._set(kind="figures", measures=(count.measure,), groups=groups, fields=(), rank=None)
        if self._reads_of_days(groups):
            frame = self.frame
        if not all(self.model.relations.reaches(frame.subject, group.name.rpartition(".")[0]) for group in groups):
            raise NotUnderstood(", ".join(str(group) for group in groups))
        is_time = all(group.grain for group in groups)
        kept = (
            frame.groups
            if self.adds and frame.groups
            else tuple(g for g in frame.groups if g.grain and not is_time)
            if is_time
            else ()
        )
        if is_time and not self.adds:
            kept = ()
        rank = frame.rank.model_copy(update={"by": frame.rank.by}) if frame.rank and not is_time else None
        return self._set(groups=tuple(dict.fromkeys((*kept, *groups))), rank=rank)

    def _reads_of_days(self, groups: Sequence[Dimension]) -> bool:
        """Work out what customers spent in the last 90 days from the spending itself, to break it down finer."""
        frame, item = self.frame, self._measured() if len(self.frame.measures) == 1 else None
        known = self.lexicon.extensions[item.full_name] if item is not None else None
        summed = item is not None and figure_of(self.lexicon, "sum", item)
        fine = any(not self.model.relations.reaches(frame.subject, one.name.rpartition(".")[0]) for one in groups)
        if not fine or not known or not known.days_of or not summed or frame.measures != (summed.measure,):
            return False
        window = last_days(self.lexicon.newest, known.days, known.days_before)
        activity = table_extension(self.model, frame.subject).activity or frame.subject
        self._set(measures=(known.days_of,), window=window)
        self._set(subject=activity, **self._moved_to(activity))
        return True

    def _list_again(self) -> None:
        """Take a list of those who did something so often as such a list, and not as groups of what they did."""
        frame = self.frame
        doer = next((one for one in self.model.definition.tables if one.x_nl.activity == frame.subject), None)
        keys = {f"{doer.name}.{key}" for key in doer.primary_key.columns} if doer else set()
        held = frame.having[0] if len(frame.having) == 1 else None
        is_list = bool(keys & {group.name for group in frame.groups}) and isinstance(held, Condition)
        if doer is None or not is_list or not isinstance(held, Condition) or isinstance(frame.measures[0], Formula):
            return
        reaches = self.model.relations.reaches
        near = [one for one in frame.filters if all(reaches(doer.name, n.rpartition(".")[0]) for n in fields_of(one))]
        clause = Clause(
            filters=tuple(one for one in frame.filters if one not in near),
            window=frame.window,
            measure=frame.measures[0],
            op=held.op,
            values=tuple(value if isinstance(value, int) else float(str(value)) for value in held.given()),
        )
        names = tuple(group.name for group in frame.groups)
        self.frame = Frame(kind="rows", subject=doer.name, fields=names, filters=tuple(near), clauses=(clause,))
