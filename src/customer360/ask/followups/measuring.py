"""Another measure, or another aggregate of the same field."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from customer360.ask.chunks import Chunk
from customer360.ask.followups.restricting import Restricting
from customer360.ask.frame import AskMeasure, Clause, fields_of
from customer360.ask.grammar.figures import figure_of
from customer360.ask.grammar.terms import Figure
from customer360.ask.lexicon import date_of, is_numeric, table_extension
from customer360.ask.slots import NotUnderstood
from customer360.semantic import Condition, Item, Measure


class Measuring(Restricting):
    """Changes what is measured."""

    def _measure(self) -> None:
        slots = self.slots
        measures = slots.take("MEASURE", "COUNTED")
        per = any(one.kind == "GROUP" and one.data.table for one in slots.chunks)
        if not measures and self._other_extreme():
            return None
        if not measures and slots.has("AGG") and self.frame.measures and not slots.has("COUNT") and not per:
            return self._aggregate_again()
        numbers = [one for one in slots.chunks if one.kind == "FIELD" and is_numeric(one.data)]
        fields = [one for one in numbers if one.data.kind != "dimension"]
        if not measures and not fields:
            return None
        if self.swaps and len(measures) == 2 and self._figure(measures[0]).measure in self.frame.measures:
            measures = measures[1:]
        slots.chunks = [one for one in slots.chunks if one not in fields]
        slots.take("ENTITY")
        if self.frame.kind == "rows" and self.frame.rank:
            by = self._ranked_by(measures, fields)
            if by:
                rank = self.frame.rank.model_copy(update={"by": by[0]})
                return self._set(fields=(*self.frame.fields[:2], *by), rank=rank)
        return self._swap_measure([*(self._figure(one) for one in measures), *(self._average(one) for one in fields)])

    def _other_extreme(self) -> bool:
        """Ask for the other end of the same field: and the oldest?"""
        frame = self.frame
        said = [one for one in self.slots.chunks if one.kind == "ADJ" and one.data.superlative]
        item = said[0].data.item if len(said) == 1 else None
        if item is not None and frame.kind == "rows" and frame.rank and frame.rank.by == item.full_name:
            self.slots.chunks.remove(said[0])
            self._set(rank=frame.rank.model_copy(update={"descending": said[0].data.op == ">"}))
            return True
        if item is None or frame.kind != "figures" or len(frame.measures) != 1 or self._measured() != item:
            return False
        found = figure_of(self.lexicon, "max" if said[0].data.op == ">" else "min", item)
        if found is None:
            return False
        self.slots.chunks.remove(said[0])
        self._swap_measure([found])
        return True

    def _average(self, field: Chunk) -> Figure:
        found = figure_of(self.lexicon, "avg", field.data)
        if found is None:
            raise NotUnderstood(field.text)
        self.slots.assume(f"{field.data.label} is shown as an average.")
        return found

    def _ranked_by(self, measures: Sequence[Chunk], fields: Sequence[Chunk]) -> list[str]:
        """Return the fields of ranked rows that a follow-up asks for instead."""
        if fields:
            return [one.data.full_name for one in fields]
        measure = self._figure(measures[0]).measure
        total = self.lexicon.totals.get(measure) if isinstance(measure, str) else None
        return [total.full_name] if total is not None else []

    def _figure(self, chunk: Chunk) -> Figure:
        figure: Figure = chunk.data[0] if chunk.kind == "COUNTED" else chunk.data
        return figure

    def _swap_measure(self, figures: Sequence[Figure]) -> None:
        frame, subject = self.frame, figures[0].table
        parts: dict[str, Any] = {
            "measures": tuple(one.measure for one in figures),
            "kind": "figures",
            "subject": subject,
            "fields": (),
            "summary": None,
        }
        if frame.kind == "rows":
            parts |= {"rank": None}
        named = all(isinstance(one, Condition) and "." in one.field for one in frame.having)
        if frame.having and (not named or self.slots.has("VALUE", "COND", "TIME", "HELD", "CMP")):
            raise NotUnderstood("the condition on the groups")
        if self.adds and frame.kind == "figures" and subject == frame.subject and not frame.summary:
            parts["measures"] = tuple(dict.fromkeys((*frame.measures, *parts["measures"])))
        if subject != frame.subject:
            parts |= self._moved_to(subject)
        elif frame.part or frame.part_clauses:
            parts |= {"part": (), "part_clauses": ()}
        self._set(**parts)

    def _moved_to(self, subject: str) -> dict[str, Any]:
        """Return the restrictions of a frame for rows of another table."""
        frame = self.frame
        reaches = self.model.relations.reaches
        if any(not reaches(subject, group.name.rpartition(".")[0]) for group in frame.groups):
            raise NotUnderstood(", ".join(str(group) for group in frame.groups))
        extension = table_extension(self.model, subject)
        if extension.activity:
            fine = [
                tree
                for tree in frame.filters
                if any(not reaches(subject, name.rpartition(".")[0]) for name in fields_of(tree))
            ]
            near = tuple(tree for tree in frame.filters if tree not in fine)
            clauses = (Clause(filters=tuple(fine), window=frame.window),) if fine or frame.window else ()
            return {"filters": near, "clauses": clauses, "window": None, "window_field": ""}
        if len(frame.clauses) > 1 or any(clause.negated or clause.measure for clause in frame.clauses):
            raise NotUnderstood("that")
        inner = [tree for clause in frame.clauses for tree in clause.filters]
        window = next((clause.window for clause in frame.clauses if clause.window), frame.window)
        name = date_of(self.model, subject)
        return {
            "filters": (*frame.filters, *inner),
            "clauses": (),
            "window": window,
            "window_field": name if window else "",
        }

    def _aggregate_again(self) -> None:
        """Ask for another aggregate of the same field: what about the median?"""
        agg = self.slots.take("AGG")[-1].data
        item = self._measured()
        if item is None:
            raise NotUnderstood(agg)
        found = figure_of(self.lexicon, agg, item)
        if found is None:
            raise NotUnderstood(agg)
        self._swap_measure([found])

    def _measured(self) -> Item | None:
        """Return the field that the frame's measure aggregates."""
        measure: AskMeasure = self.frame.measures[0]
        names = {metric.full_name: field for (_, field), metric in self.lexicon.aggregates.items()}
        name = (
            names.get(measure) if isinstance(measure, str) else measure.field if isinstance(measure, Measure) else None
        )
        return next((item for item in self.model.items if item.full_name == name), None)
