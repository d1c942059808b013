"""Follow-ups: a question that leans on the one before changes its frame, and says nothing about the rest of it.

What a follow-up may do: give a field another value, add or take away a condition, break down by something else, ask for
another measure, move the window, ask for more or fewer rows, in another order, as shares, or count what was listed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from sqlglot import exp

from customer360.ask.chunks import Chunk, renamed
from customer360.ask.dates import Window, grain_of
from customer360.ask.frame import AskMeasure, Clause, Comparison, Frame, Rank, fields_of
from customer360.ask.grammar.figures import count_of, doers_with, figure_of
from customer360.ask.grammar.terms import (
    WHEN,
    Cond,
    Figure,
    Groups,
    Sorting,
    as_cond,
    compare_filter,
    number,
    sorting_of,
    value_filter,
)
from customer360.ask.lexicon import Lexicon, is_numeric, table_extension
from customer360.ask.ordering import sort_frame
from customer360.ask.slots import NotUnderstood, Slots, build_scope, numeric
from customer360.semantic import Condition, Dimension, Filter, Formula, Item, Measure

_LEANS = re.compile(
    r"^\W*(?:and|from|on|at|to|those|the ones|medium risk|what about|how about|only|"
    r"just|now|instead|by|same|sort|order|make (?:it|that|them)|exclude|excluding|without|"
    r"but|also|leave out|leaving out|ignore|ignoring|skip|skipping|minus|"
    r"ok|okay|for|in|per|split|break|group|then|show (?:it|that|them)|the (?:same|second|"
    r"third|first|top|bottom|one|month|year|week|quarter|most|least|fewest|highest|lowest|smallest|"
    r"largest)|"
    r"as (?:a|percentages?|shares?)|not|except|remove|drop|compare (?:that|it|this|them|both|the two|with|to)|vs|"
    r"versus|top \d+|bottom \d+|"
    r"counting|considering|looking only|"
    r"limit|filter|restrict|of (?:those|them|these)|which of|how many of|list them|who are they|"
    r"within|among|rank|over time|"
    r"running|cumulative|reset|monthly|weekly|daily|quarterly|switch|change|swap|include|add|"
    r"with|last|this|previous|sorted|ascending|descending|what were|flip|reverse|who are|how "
    r"many is|how many are (?:that|those|they)|how many (?:were|are|was|is) (?!there\b)|"
    r"how about|what is (?:that|their|its)|their|so|"
    r"again|expand|narrow|drill|exclude)\b",
    re.IGNORECASE,
)
_WHOLE_START = re.compile(
    r"^\W*(?:in|for|on|at|to|from|by|with|within|among|of) (?:which|what|each|every|all|how|the)\b", re.IGNORECASE
)
_INSTEAD = re.compile(r"\b(?:instead|rather than)\b", re.IGNORECASE)
_ONLY = re.compile(r"^\W*(?:\w+\W+){1,4}only\W*$", re.IGNORECASE)
_REFERS = re.compile(r"\b(?:their|them|they|those|these|that one|its|it|each of)\b", re.IGNORECASE)
_IS_THAT = re.compile(r"\b(?:is|are|was|were) (?:that|this|those|these)\W*$", re.IGNORECASE)
_MANY = re.compile(r"\b(?:their|them|they|those|these)\b", re.IGNORECASE)
_NOUN = re.compile(
    r"\b(?:customers?|clients?|people|transactions?|purchases?|cardholders?|merchants?|states?|"
    r"segments?) (?:who|that|whose|with|spend|spending|in|having)\b",
    re.IGNORECASE,
)
_ADDS = re.compile(
    r"^\W*(?:and also|also|split|break|further|additionally|add|include)\b|\b(?:as well|too|also)\W*$", re.IGNORECASE
)
_REMOVES = re.compile(
    r"^\W*(?:(?:ok|okay|now|and|then|please) )*(?:remove|drop|clear|forget|get rid of|take out|"
    r"without the (?=\w+ filter))\b|\bfilter (?:off|away)\b|^\W*(?:and |now )?(?:for |across "
    r")?(?:everyone|overall|all (?:customers|of them|states|segments|channels|cards))\b",
    re.IGNORECASE,
)
_KEPT = (
    "WHAT",
    "LIST",
    "WHICH",
    "WHO",
    "IS",
    "AND",
    "COMMA",
    "FROM",
    "TO",
    "BUY",
    "INSTEAD",
    "SAME",
    "ONLY",
    "BY",
    "HOWMUCH",
    "THEIR",
    "BUT",
    "DISTRIB",
)


def leans(question: str) -> bool:
    """Tell whether a question starts like one that leans on another."""
    leaning = _LEANS.match(question) is not None and _WHOLE_START.match(question) is None
    return leaning or refers(question) or _INSTEAD.search(question) is not None or _ONLY.search(question) is not None


def refers(question: str) -> bool:
    """Tell whether a question speaks of something by a pronoun."""
    return _IS_THAT.search(question) is not None or (
        _REFERS.search(question) is not None and _NOUN.search(question) is None
    )


@dataclass(frozen=True)
class Context:
    """What a follow-up leans on: the last frame, and the first rows of its answer."""

    frame: Frame
    rows: tuple[dict[str, Any], ...] = ()


LOST = Context(Frame(kind="figures", subject=""))
"""The context after a question that was not understood: nothing to lean on, and no whole question either."""


def amend(lexicon: Lexicon, context: Context, question: str, chunks: Sequence[Chunk]) -> Frame:
    """Return the last frame as a follow-up changes it.

    Raises:
        NotUnderstood: a word of the follow-up changes nothing that the frame has.
    """
    if context is LOST:
        raise NotUnderstood("the question before", "no_context")
    amender = _Amender(lexicon, context, question, Slots(lexicon, list(chunks)))
    frame = amender.amend()
    return frame.assume(*amender.slots.assumptions)


def _less(tree: Filter, values: Sequence[Any]) -> Filter | None:
    """Return a condition without some of the values that it allows; nothing where none is left or none was named."""
    if not values or not isinstance(tree, Condition) or tree.op != "in":
        return None
    left = tuple(value for value in tree.given() if value not in values)
    return tree.model_copy(update={"values": left}) if left and len(left) < len(tree.given()) else None


class _Amender:
    def __init__(self, lexicon: Lexicon, context: Context, question: str, slots: Slots) -> None:
        self.lexicon = lexicon
        self.model = lexicon.model
        self.context = context
        self.frame = context.frame
        self.slots = slots
        self.adds = _ADDS.search(question) is not None and _INSTEAD.search(question) is None
        self.refers = refers(question)
        self.swaps = (
            re.match(r"^\W*(?:(?:and|ok|now) )*(?:swap|replace|exchange|change)\b", question, re.IGNORECASE) is not None
        )
        self.of_rows = _MANY.search(question) is not None and _NOUN.search(question) is None
        self.removes = _REMOVES.search(question) is not None
        self.changed = False
        self.sorting: Sorting | None = None

    def amend(self) -> Frame:
        if not self.slots.chunks:
            raise NotUnderstood("what to change", "missing_slots")
        self._refer()
        self._name_values()
        if self.slots.has("SHARE"):
            self.slots.chunks = [one for one in self.slots.chunks if one.kind != "AGG" or one.data != "sum"]
        self._refer_to_rows()
        self._next_rank()
        self._take_sorting()
        self._take_replaced()
        for step in (
            self._move,
            self._share_of_named,
            self._remove,
            self._measure,
            self._compare,
            self._restrict,
            self._regroup,
            self._show,
            self._limit,
            self._resort,
            self._recount,
        ):
            step()
        self.slots.take(*_KEPT)
        self.slots.finish()
        if not self.changed:
            raise NotUnderstood("what to change", "missing_slots")
        return self.frame

    def _set(self, **parts: Any) -> None:
        self.frame = self.frame.model_copy(update=parts)
        self.changed = True

    # References to the rows of the last answer

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

    # Time

    def _move(self) -> None:
        if self.slots.has("COMPARE", "VS"):
            return
        before, after, ago = self.slots.take("BEFORE"), self.slots.take("AFTER"), self.slots.take("YEARAGO")
        if not (before or after or ago):
            return
        window = self._window()
        if window is None:
            raise NotUnderstood((before or after or ago)[0].text, "no_context")
        moved = window.year_before() if ago else window.moved(-1 if before else 1)
        if before and "year" in before[0].text.casefold() and window.unit != "year":
            moved = window.year_before()
        self._put_window(moved)

    def _window(self) -> Window | None:
        clauses = [clause.window for clause in self.frame.clauses if clause.window]
        return self.frame.window or (clauses[0] if clauses else None)

    def _put_window(self, window: Window) -> None:
        frame = self.frame
        if frame.window is not None or frame.window_field:
            return self._set(window=window, comparison=frame.comparison)
        dated = [clause for clause in frame.clauses if clause.window] or list(frame.clauses)
        if dated:
            clauses = tuple(
                clause.model_copy(update={"window": window}) if clause is dated[0] else clause
                for clause in frame.clauses
            )
            return self._set(clauses=clauses)
        extension = table_extension(self.model, frame.subject)
        if extension.activity or not extension.default_time_dimension:
            raise NotUnderstood(window.label, "window_of_rows")
        return self._set(window=window, window_field=f"{frame.subject}.{extension.default_time_dimension}")

    # Conditions

    def _remove(self) -> None:
        if not self.removes:
            return
        self.slots.take("REMOVE", "NOT", "NEVER")
        named = self.slots.take("FIELD", "VALUE", "COND", "ENTITY", "GROUP", "UNITWORD")
        named += [] if any(one.kind in ("FIELD", "VALUE", "COND") for one in named) else self.slots.take("TIME")
        fields = {
            one.data.item.full_name if one.kind in ("VALUE", "COND") else one.data.full_name
            for one in named
            if one.kind in ("FIELD", "VALUE", "COND")
        }
        dated = any(
            one.kind in ("TIME", "UNITWORD") or (one.kind == "FIELD" and one.data.kind == "time_dimension")
            for one in named
        )
        before = self.frame
        if dated:
            self._set(window=None)
        shown = {group.name for group in self.frame.groups}
        barred = [as_cond(one) for one in named if one.kind == "VALUE" and one.data.item.full_name in shown]
        if barred and len(barred) == len(named):
            others = (value_filter(one.item, one.values, negated=True) for one in barred)
            self._set(filters=(*self.frame.filters, *others))
            return
        values = [value for one in named if one.kind in ("VALUE", "COND") for value in as_cond(one).values]
        left = (_less(tree, values) if fields_of(tree) & fields else tree for tree in self.frame.filters)
        kept = tuple(tree for tree in left if tree is not None and (fields or dated))
        groups = tuple(group for group in self.frame.groups if group.name not in fields)
        self._set(filters=kept, groups=groups, clauses=self.frame.clauses if fields or dated else ())
        if self.frame == before:
            raise NotUnderstood("what to leave out")

    def _restrict(self) -> None:
        times = [one.data for one in self.slots.take("TIME")]
        taken = self.slots.take("COND", "VALUE", "HELD", "NEVER", "OPEN")
        if not times and not taken:
            return
        if len(times) > 1:
            raise NotUnderstood(times[1].label)
        for window in times:
            self._put_window(window)
        if not taken or self._share_of_them(taken):
            return
        frame = self.frame
        taken = self._exchanged(taken)
        if frame.part and self._repart(taken):
            return
        if not taken:
            return
        doers = bool(table_extension(self.model, frame.subject).activity)
        of_groups = any(one.kind == "HELD" and one.data.figure.table == frame.subject for one in taken)
        groups = frame.groups if of_groups or not doers else ()
        scope = build_scope(self.slots, frame.subject, taken, groups=groups)
        kept = [tree for tree in frame.filters if not self._replaced(tree, scope.near)]
        gone = [clause for clause in frame.clauses if self._replaced_clause(clause, scope.clauses)]
        clauses = [clause for clause in frame.clauses if clause not in gone]
        if len(gone) == len(scope.clauses) == 1:
            scope.clauses = [scope.clauses[0].model_copy(update={"negated": gone[0].negated})]
        window = next((clause.window for clause in frame.clauses if clause.window), None)
        new = [
            clause if clause.window or not window or clause in clauses else clause.model_copy(update={"window": window})
            for clause in scope.clauses
        ]
        having = (*frame.having, *scope.having)
        self._set(filters=(*kept, *scope.near), clauses=(*clauses, *new), having=having)

    def _share_of_them(self, taken: Sequence[Chunk]) -> bool:
        """Ask which percentage of those who were counted or listed are something else, too."""
        frame = self.frame
        count = count_of(self.lexicon, frame.subject)
        counted = count is not None and frame.measures == (count.measure,) and not (frame.groups or frame.part)
        of_them = self.slots.has("SHARE") and not frame.rank and (counted or frame.kind == "rows")
        if count is None or not of_them:
            return False
        scope = build_scope(self.slots, frame.subject, taken)
        if any(self._replaced(tree, scope.near) for tree in frame.filters) or scope.window:
            return False
        self.slots.take("SHARE", "ITEM", "ENTITY")
        parts = {"part": tuple(scope.near), "part_clauses": tuple(scope.clauses), "measures": (count.measure,)}
        self._set(kind="figures", fields=(), **parts)
        return True

    def _replaced(self, tree: Filter, near: Sequence[Filter]) -> bool:
        """Tell whether a new condition takes the place of one: another value of the same field."""
        positive = [one for one in near if isinstance(one, Condition) and one.op not in ("!=", "not_in")]
        fields = {name for one in positive for name in fields_of(one)}
        return bool(fields_of(tree) & fields)

    def _exchanged(self, taken: list[Chunk]) -> list[Chunk]:
        """Swap one value for another, or add one to those that are asked for."""
        values = [one for one in taken if one.kind == "VALUE"]
        if len(values) == 2 and values[0].data.item == values[1].data.item and self.swaps:
            old, new = values
            return self._revalue(taken, values, old.data.item, without=old.data.values, more=new.data.values)
        if len(values) == 1 and self.adds and len(taken) == 1:
            return self._revalue(taken, values, values[0].data.item, without=(), more=values[0].data.values)
        return taken

    def _revalue(
        self, taken: list[Chunk], values: list[Chunk], item: Item, *, without: Sequence[Any], more: Sequence[Any]
    ) -> list[Chunk]:
        """Change the list of values that the frame has for a field."""
        for place, tree in enumerate(self.frame.filters):
            if isinstance(tree, Condition) and tree.field == item.full_name and tree.op in ("=", "in"):
                kept = [value for value in tree.given() if value not in without]
                filters = list(self.frame.filters)
                filters[place] = value_filter(item, tuple(dict.fromkeys((*kept, *more))))
                groups = self.frame.groups
                self._set(filters=tuple(filters), groups=groups)
                return [one for one in taken if one not in values]
        return taken

    def _repart(self, taken: Sequence[Chunk]) -> bool:
        """Ask for the share of another part: what about medium risk?"""
        if len(taken) != 1 or taken[0].kind not in ("VALUE", "COND"):
            return False
        tree = as_cond(taken[0]).filter
        if not any(fields_of(part) & fields_of(tree) for part in self.frame.part):
            return False
        kept = tuple(part for part in self.frame.part if not fields_of(part) & fields_of(tree))
        self._set(part=(*kept, tree))
        return True

    def _replaced_clause(self, clause: Clause, new: Sequence[Clause]) -> bool:
        fields = {name for one in new if not one.negated for tree in one.filters for name in fields_of(tree)}
        return any(fields_of(tree) & fields for tree in clause.filters)

    # Measures and groups

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
        name = f"{subject}.{extension.default_time_dimension}" if extension.default_time_dimension else ""
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
        if extension.activity or not extension.default_time_dimension:
            raise NotUnderstood("over time", "no_history")
        return group.model_copy(update={"name": f"{self.frame.subject}.{extension.default_time_dimension}"})

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
        end = self.lexicon.newest - timedelta(days=known.days_before)
        start = end - timedelta(days=known.days - 1)
        label = f"from {start:%-d %B %Y} to {end:%-d %B %Y}"
        activity = table_extension(self.model, frame.subject).activity or frame.subject
        self._set(measures=(known.days_of,), window=Window(start=start, end=end, label=label))
        self._set(subject=activity, **self._moved_to(activity))
        return True

    # How it is shown

    def _compare(self) -> None:
        slots = self.slots
        if not slots.has("COMPARE", "VS", "CHANGE", "PERIODS"):
            return
        periods = slots.take("PERIODS")
        taken = slots.take("COMPARE", "VS", "CHANGE")
        if taken and self._beside():
            return
        window = self._window()
        times = self._compared_times(window, periods)
        if len(times) != 1 or window is None or self.frame.kind != "figures":
            is_lost = len(times) == 1 and bool(taken) and window is None
            raise NotUnderstood((taken or periods)[0].text, "no_context" if is_lost else "not_understood")
        slots.take("TIME")
        windows = sorted((window, times[0]), key=lambda one: (one.start is None, one.start))
        if not self.frame.window_field:
            raise NotUnderstood(times[0].label)
        self._set(comparison=Comparison(show="both", windows=tuple(windows)))

    def _compared_times(self, window: Window | None, periods: Sequence[Chunk]) -> list[Window]:
        """Return the windows that the frame's own is set against."""
        times: list[Window] = [one.data for one in self.slots.chunks if one.kind == "TIME"]
        year_ago = self.slots.take("YEARAGO") or any(one.data == "year" for one in periods)
        if not times and window and year_ago:
            return [window.year_before()]
        if not times and window and (periods or self.slots.take("BEFORE")):
            return [window.moved(-1)]
        return [window.moved(-1)] if window and times == [window] else times

    def _beside(self) -> bool:
        """Set a value beside the one that the frame has: versus Ohio?"""
        values = [one for one in self.slots.chunks if one.kind == "VALUE"]
        if len(values) != 1 or self.frame.kind != "figures" or self.frame.groups or self.slots.has("TIME"):
            return False
        item = values[0].data.item
        if values == self._revalue(values, values, item, without=(), more=values[0].data.values):
            return False
        self.slots.chunks.remove(values[0])
        self._set(groups=(Dimension(name=item.full_name),))
        return True

    def _show(self) -> None:
        slots = self.slots
        if slots.take("SHARE"):
            self._share()
        if slots.take("RUNNING"):
            self._set(show="running_total")

    def _share(self) -> None:
        """Show shares of the groups, or which percentage of all the counted ones are."""
        frame = self.frame
        if frame.groups and frame.kind == "figures":
            return self._set(show="share")
        count = count_of(self.lexicon, frame.subject)
        if count is None or frame.measures != (count.measure,) or not (frame.filters or frame.clauses):
            raise NotUnderstood("share", "ambiguous_share")
        self.slots.take("ITEM", "ENTITY")
        return self._set(part=frame.filters, part_clauses=frame.clauses, filters=(), clauses=())

    def _share_of_named(self) -> None:
        """Show which percentage of a value's rows are counted: what percentage of the segment is that?"""
        frame, slots = self.frame, self.slots
        count = count_of(self.lexicon, frame.subject)
        counted = count is not None and frame.measures == (count.measure,) and not (frame.groups or frame.part)
        fields = [one for one in slots.chunks if one.kind == "FIELD" and not is_numeric(one.data)]
        if not slots.has("SHARE") or not self.refers or not counted or len(fields) != 1:
            return
        whole = tuple(tree for tree in frame.filters if fields_of(tree) == {fields[0].data.full_name})
        part = tuple(tree for tree in frame.filters if tree not in whole)
        if not whole or not (part or frame.clauses):
            raise NotUnderstood(fields[0].text, "ambiguous_share")
        slots.take("SHARE", "ITEM")
        slots.chunks.remove(fields[0])
        self._set(part=part, part_clauses=frame.clauses, filters=whole, clauses=())

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
        steps = (self._aged, self._hold_groups) if of_people else (self._hold_groups, self._aged)
        if not places and any(step(lone[0]) for step in steps):
            return
        if len(places) != 1:
            raise NotUnderstood(lone[0].text)
        self.slots.chunks.remove(lone[0])
        tree = filters[places[0]]
        item = next(item for item in self.model.items if item.full_name == next(iter(fields_of(tree))))
        filters[places[0]] = compare_filter(item, lone[0].data.op, lone[0].data.values)
        self._set(filters=tuple(filters))

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
        age = next((one for one in self.model.items if one.name == "age" and one.table == self.frame.subject), None)
        if age is None or lone.data.unit or not all(16 <= value <= 110 for value in lone.data.values):
            return False
        self.slots.chunks.remove(lone)
        self.slots.assume(f"“{lone.text}” is meant as years of age.")
        self._set(filters=(*self.frame.filters, compare_filter(age, lone.data.op, lone.data.values)))
        return True

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

    def _resort(self) -> None:
        slots = self.slots
        sort, flip = slots.take("SORT"), slots.take("FLIP")
        direction = [*slots.take("DIR"), *(slots.take("SUP") if sort else [])]
        if not sort and not direction and not flip and self.sorting is None:
            return
        frame = self.frame
        sorting = self.sorting or sorting_of(None, direction)
        if sorting.descending is None and direction:
            sorting = replace(sorting, descending=direction[0].data == "desc")
        if flip and sorting.descending is None:
            sorting = replace(sorting, descending=not (frame.rank.descending if frame.rank else False))
        self.frame = sort_frame(self.lexicon, frame, sorting)
        self.changed = True

    def _list_activity(self, named: Sequence[Chunk]) -> bool:
        """List what the one row that is meant did: the transactions of the first one."""
        frame = self.frame
        activity = table_extension(self.model, frame.subject).activity
        keys = {f"{frame.subject}.{key}" for key in self.model.tables[frame.subject].primary_key}
        fixed = {tree.field for tree in frame.filters if isinstance(tree, Condition) and tree.op == "="}
        if not activity or [one.data for one in named] != [activity] or not keys <= fixed or frame.clauses:
            return False
        names = tuple(f"{activity}.{name}" for name in table_extension(self.model, activity).row_fields)
        self.frame = Frame(kind="rows", subject=activity, fields=names, filters=frame.filters)
        self.changed = True
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

    def _recount(self) -> None:
        """Count what was listed, or list what was counted."""
        slots = self.slots
        counted, listed = slots.take("COUNT"), [one for one in slots.chunks if one.kind in ("LIST", "WHO", "WHICH")]
        entity = slots.take("ENTITY")
        items = slots.take("ITEM")
        frame = self.frame
        if listed and self._list_activity(entity):
            return
        if entity and any(
            one.data != frame.subject and not self.model.relations.reaches(frame.subject, one.data) for one in entity
        ):
            raise NotUnderstood(entity[0].text)
        if counted:
            count = count_of(self.lexicon, frame.subject)
            if count is None:
                raise NotUnderstood(counted[0].text)
            rank = None if frame.kind == "rows" else frame.rank
            if slots.take("AGG") or items or listed:
                rank = None
                self._set(groups=())
            self._set(kind="figures", measures=(count.measure,), fields=(), rank=rank, summary=None)
        elif listed and (items or entity) and frame.kind == "figures" and not frame.groups:
            names = tuple(f"{frame.subject}.{name}" for name in table_extension(self.model, frame.subject).row_fields)
            self._set(kind="rows", fields=names, measures=(), summary=None)
