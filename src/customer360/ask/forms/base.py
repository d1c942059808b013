"""What all forms of a question share: its slots, the groups it names, which table can answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from sqlglot import exp

from customer360.ask.chunks import Chunk
from customer360.ask.dates import grain_of
from customer360.ask.frame import Clause, Frame, Rank, fields_of
from customer360.ask.grammar.figures import count_of, doers_in, figure_of, kept_tests, otherwise_of
from customer360.ask.grammar.terms import WHEN, Cond, Figure, Groups, Sorting, as_cond, sorting_of
from customer360.ask.lexicon import Lexicon, date_of, is_numeric, table_extension
from customer360.ask.ordering import sort_frame
from customer360.ask.slots import NotUnderstood, Scope, Slots, assigned_date, build_scope, numeric
from customer360.semantic import Condition, Dimension, Filter, Item, Measure


def main_table(lexicon: Lexicon) -> str:
    """Return the table that "who" asks for: the one whose rows do things."""
    for table in lexicon.model.definition.tables:
        if table.x_nl.activity:
            return table.name
    return lexicon.model.definition.tables[0].name


def _is_worth_showing(tree: Filter) -> bool:
    """Tell whether the field of a condition differs among the rows that it keeps."""
    return not (isinstance(tree, Condition) and tree.op == "=")


class Form:
    """One question while its form is filled; ``slots`` holds what is still to be placed."""

    def __init__(self, slots: Slots) -> None:
        self.slots = slots
        self.lexicon = slots.lexicon
        self.model = slots.lexicon.model
        self._said_per = False
        self._said_each = False
        self._within: tuple[str, ...] = ()

    def _doers(self) -> set[str]:
        return {one.name for one in self.model.definition.tables if one.x_nl.activity}

    def _table_of_people(self, chunk: Chunk) -> str:
        """Return the table of those who do things, where a chunk names or counts them; nothing where it does not."""
        if chunk.kind in ("ENTITY", "COUNTED"):
            table = chunk.data if chunk.kind == "ENTITY" else chunk.data[1]
            return table if table in self._doers() else ""
        counts = {table: count_of(self.lexicon, table) for table in self._doers()} if chunk.kind == "MEASURE" else {}
        return next((table for table, one in counts.items() if one and one.measure == chunk.data.measure), "")

    def _holds_groups(self, taken: Sequence[Chunk]) -> bool:
        """Tell whether conditions on measures are about groups of the doers rather than about what they did."""
        return any(one.kind == "HELD" and one.data.figure.table in self._doers() for one in taken)

    def _figure(self, chunk: Chunk, groups: Sequence[Dimension]) -> Figure:
        if chunk.kind == "MEASURE":
            measured: Figure = chunk.data
            return measured
        if chunk.kind == "ENTITY":
            rows = count_of(self.lexicon, chunk.data)
            if rows is None:
                raise NotUnderstood(chunk.text)
            return rows
        figure, table = chunk.data[0], chunk.data[1]
        if chunk.kind == "COUNTEDFIELD":
            counted: Figure = figure
            return counted
        return figure if self._reaches_all(table, groups) else self._doers_in(table) or figure

    def _doers_in(self, table: str) -> Figure | None:
        return doers_in(self.lexicon, table)

    def _activity_of(
        self, subject: str, figures: list[Figure], groups: Sequence[Dimension]
    ) -> tuple[str, list[Figure]]:
        """Count those who did something by day or by what they did over the activity's rows."""
        if subject in self._doers() and not self._reaches_all(subject, groups):
            found = self._doers_in(subject)
            counts = count_of(self.lexicon, subject)
            if len(figures) > 1:
                raise self._apart(groups)
            if found is None or counts is None or figures[0].measure != counts.measure:
                return self._each_once(figures[0], groups)
            return found.table, [found]
        return subject, figures

    def _each_once(self, figure: Figure, groups: Sequence[Dimension]) -> tuple[str, list[Figure]]:
        """Work out a measure of customers by what they did: over those who did it, each once."""
        if any(one.grain for one in groups):
            raise NotUnderstood("over time", "no_history")
        activity = self._activity()
        item, agg = self._aggregated_field(figure)
        if item is None or not self._reaches_all(activity, groups):
            raise self._apart(groups)
        extension = self.lexicon.extensions[item.full_name]
        if extension.change_of or extension.days_of:
            raise NotUnderstood(item.label)  # what it is of cannot be split by what was bought
        made = figure_of(self.lexicon, agg, item, over=activity, each=True)
        if made is None:
            raise self._apart(groups)
        self.slots.assume("Each customer counts once in every group in which the customer has a transaction.")
        return activity, [replace(made, table=activity)]

    def _aggregated_field(self, figure: Figure) -> tuple[Item | None, str]:
        """Return the field that a measure aggregates, and how."""
        if isinstance(figure.measure, Measure):
            agg = figure.measure.agg or ""
            item = next((one for one in self.model.items if one.full_name == figure.measure.field), None)
            return (item, agg) if agg in ("avg", "median", "min", "max", "stddev") else (None, "")
        found = [(name, agg) for (agg, name), metric in self.lexicon.aggregates.items() if metric == figure.item]
        if not found or found[0][1] not in ("avg", "median", "min", "max"):
            return None, ""
        return next(one for one in self.model.items if one.full_name == found[0][0]), found[0][1]

    def _reaches_all(self, table: str, groups: Sequence[Dimension]) -> bool:
        named = [one.name.rpartition(".")[0] for one in groups if one.name != WHEN]
        dated = any(one.name == WHEN for one in groups)
        if dated and table in self._doers():
            return self.slots.opened and all(self.model.relations.reaches(table, name) for name in named)
        return all(self.model.relations.reaches(table, name) for name in named)

    def _require_groups(self, subject: str, groups: Sequence[Dimension]) -> None:
        if not self._reaches_all(subject, groups):
            raise self._apart(groups)

    def _apart(self, groups: Sequence[Dimension]) -> NotUnderstood:
        labels = {one.full_name: one.label for one in self.model.items}
        named = [labels.get(one.name, "day") for one in groups]
        return NotUnderstood(", ".join(dict.fromkeys(named)).lower(), "unreachable")

    def _of_what_is_asked(
        self, figures: Sequence[Figure], taken: Sequence[Chunk], groups: Sequence[Dimension]
    ) -> list[Figure]:
        """Return amounts of the rows that are asked for where a measure leaves those out: the amount of declined ones.

        What was said to be spent stays what was spent, and of what never was there is nothing to show.
        """
        conds = [as_cond(one) for one in taken if one.kind in ("VALUE", "COND")]
        conds = [one for one in conds if one.values and not one.negated]
        split = {one.name for one in groups}
        return [self._otherwise(figure, conds, split) for figure in figures]

    def _otherwise(self, figure: Figure, conds: Sequence[Cond], split: set[str]) -> Figure:
        counted = self._counted_item(figure)
        is_left_out = any(leaves_out(counted, one) for one in conds)
        is_split = any(f"{counted.table}.{name}" in split for name in kept_columns(counted))
        is_spent = not figure.agg and isinstance(figure.item.expression, exp.Sum)
        other = None if is_spent or not (is_left_out or is_split) else otherwise_of(self.lexicon, figure)
        if other is not None:
            self.slots.assume(f"{other.item.label}: the amounts that were asked for, approved or not.")
            return other
        if is_left_out:
            raise NotUnderstood(figure.item.label, "counts_none")
        return figure

    def _counted_item(self, figure: Figure) -> Item:
        """Return what tells which rows a figure is of: its metric, or the field that it aggregates."""
        field = figure.measure.field if isinstance(figure.measure, Measure) else None
        return next((one for one in self.model.items if one.full_name == field), figure.item)

    def _require_listed(self, named: Sequence[Chunk]) -> None:
        """Refuse two things side by side that no comma and no "and" makes a list of."""
        ordered = sorted(named, key=lambda one: one.first)
        links = [
            one for one in self.slots.asked if one.kind in ("AND", "COMMA", "VS", "TO", "BOTH", "BY", "OR", "SORTING")
        ]
        for left, right in pairwise(ordered):
            apart = right.first >= left.last
            if apart and not any(left.last <= link.first < right.first for link in links):
                raise NotUnderstood(right.text)

    def _require_related(self, subject: str, entities: Sequence[str]) -> None:
        for table in entities:
            related = self.model.relations.reaches(subject, table) or self.model.relations.reaches(table, subject)
            if not related:
                raise NotUnderstood(table)

    def _activity(self) -> str:
        return table_extension(self.model, main_table(self.lexicon)).activity or main_table(self.lexicon)

    def _default_date(self, table: str) -> Item | None:
        name = date_of(self.model, table)
        return next((one for one in self.model.items if one.full_name == name), None)

    def _finest(self, tables: Sequence[str]) -> str:
        named = list(dict.fromkeys(tables))
        for table in named:
            if all(self.model.relations.reaches(table, other) for other in named):
                return self.model.relations.home(table)
        for table in self.model.tables:
            if all(self.model.relations.reaches(table, other) for other in named) and (
                table in self._doers() or table == self._activity()
            ):
                return table
        raise NotUnderstood(", ".join(named), "unreachable")

    def _figures_of(self, figure: Figure, taken: Sequence[Chunk], groups: Sequence[Dimension], subject: str) -> Frame:
        dated = self._dated(groups, subject)
        self._require_groups(subject, dated)
        scope = build_scope(self.slots, subject, taken, groups=() if subject in self._doers() else dated)
        return Frame(kind="figures", subject=subject, measures=(figure.measure,), groups=dated, **scope.as_parts())

    def _has_fine(self, table: str, taken: Sequence[Chunk], groups: Sequence[Dimension]) -> bool:
        """Tell whether a question restricts or splits by what is finer than a table."""
        fine = [
            one
            for one in taken
            if one.kind in ("COND", "VALUE")
            and not all(
                self.model.relations.reaches(table, name.rpartition(".")[0]) for name in fields_of(as_cond(one).filter)
            )
        ]
        named = [
            one
            for one in groups
            if one.name == WHEN or not self.model.relations.reaches(table, one.name.rpartition(".")[0])
        ]
        return bool(fine or named or any(one.kind == "TIME" for one in taken))

    def _rows(self, table: str, taken: Sequence[Chunk], extra: Sequence[Item], rank: Rank | None = None) -> Frame:
        scope = build_scope(self.slots, table, taken)
        extension = table_extension(self.model, table)
        names = [f"{table}.{name}" for name in extension.row_fields]
        names += [item.full_name for item in extra]
        for tree in scope.near:
            names += [name for name in sorted(fields_of(tree)) if _is_worth_showing(tree)]
        for item in extra:
            if not self.model.relations.reaches(table, item.table):
                raise NotUnderstood(item.label)
        counted = self._with_what_is_held(table, names, scope) if rank is None else None
        return counted or Frame(
            kind="rows", subject=table, fields=tuple(dict.fromkeys(names)), rank=rank, **scope.as_parts()
        )

    def _with_what_is_held(self, table: str, names: Sequence[str], scope: Scope) -> Frame | None:
        """List those who did something so often with how often they did, where nobody without any fits."""
        held = scope.clauses[0] if len(scope.clauses) == 1 else None
        if held is None or held.measure is None or held.negated or scope.window or _fits_none(held):
            return None
        if {item.full_name for item in self.model.items if item.kind == "fact"} & set(names):
            return None  # no figure is broken down by an amount
        activity = table_extension(self.model, table).activity or ""
        measure = held.measure
        name = measure if isinstance(measure, str) else f"{measure.agg}_{(measure.field or '').rpartition('.')[2]}"
        return Frame(
            kind="figures",
            subject=activity,
            measures=(measure,),
            groups=tuple(Dimension(name=one) for one in dict.fromkeys(names)),
            filters=(*scope.near, *held.filters),
            window=held.window,
            window_field=date_of(self.model, activity) if held.window else "",
            having=(numeric(name, held.op, held.values),),
        )

    def _is_key(self, cond: Cond) -> bool:
        return (
            cond.item.name in self.model.tables[cond.item.table].primary_key and bool(cond.values) and not cond.negated
        )

    def _as_groups(self, fields: Sequence[Chunk]) -> tuple[Dimension, ...]:
        if any(one.data.kind in ("fact",) for one in fields):
            raise NotUnderstood(fields[0].text)
        return tuple(
            Dimension(name=one.data.full_name, grain="day" if one.data.kind == "time_dimension" else None)
            for one in fields
        )

    def _groups(self) -> tuple[tuple[Dimension, ...], Chunk | None]:
        """Take the groups, and the chunk that says "per customer"; a bare grain stands for the default date."""
        found: list[Dimension] = []
        per: Chunk | None = None
        window = self.slots.window()
        for one in self.slots.take("GROUP", "GRAIN"):
            data = Groups((Dimension(name=WHEN, grain=one.data),)) if one.kind == "GRAIN" else one.data
            if data.table:
                if per is not None and per.data.table != data.table:
                    raise NotUnderstood(one.text)  # per customer per transaction: of one of them
                per = one
            self._said_each = self._said_each or not one.text.casefold().startswith(("by", "split", "broken", "across"))
            if any(dimension.grain for dimension in data.dimensions):
                self._said_per = not one.text.casefold().startswith("by")
            found += data.dimensions
            self._within = (*self._within, *data.within)
        if any(one.bin or one.bounds for one in found):
            self.slots.take("BINS")
        if self.slots.take("TREND") and not any(one.grain for one in found):
            found.append(Dimension(name=WHEN, grain=grain_of(window)))
        return tuple(dict.fromkeys(found)), per

    def _join_flags(self) -> bool:
        """Read "weekend versus weekday" as groups by what is true or false; tell whether it was said."""
        chunks = self.slots.chunks
        flags = [one for one in chunks if one.kind == "COND" and one.data.item.data_type == "BOOLEAN"]
        if len(flags) != 2 or flags[0].data.item != flags[1].data.item or flags[0].data.values == flags[1].data.values:
            return False
        group = flags[0].made("GROUP", Groups((Dimension(name=flags[0].data.item.full_name),)), flags[1])
        place = chunks.index(flags[0])
        between = [one for one in chunks[place : chunks.index(flags[1])] if one.kind in ("VS", "OR", "AND")]
        before = [one for one in chunks[max(place - 1, 0) : place] if one.kind in ("BY", "BETWEEN")]
        chunks[place] = group
        self.slots.chunks = [one for one in chunks if one not in (*between, *before, flags[1])]
        return True

    def _dated(self, groups: Sequence[Dimension], subject: str) -> tuple[Dimension, ...]:
        """Return the groups with the subject's date in the place of a bare grain."""
        if not any(one.name == WHEN for one in groups):
            return tuple(groups)
        default = date_of(self.model, subject)
        if not default:
            raise NotUnderstood("over time")
        if subject in self._doers() and not self.slots.opened:
            raise NotUnderstood("over time", "no_history")
        self.slots.dated = True
        name = assigned_date(self.lexicon) if self.slots.assigned else ""
        name = name or default
        return tuple(one.model_copy(update={"name": name}) if one.name == WHEN else one for one in groups)

    def _sorted(self, frame: Frame) -> Frame:
        """Take a wish for an order: ranked by spend, highest first."""
        slots = self.slots
        sort, direction, tops = slots.take("SORT"), slots.take("DIR"), slots.take("TOP", "SUP")
        if sort:
            slots.take("BY")
        sorting = slots.sorting or (sorting_of(None, [*sort, *direction]) if sort or direction else None)
        if sorting is None and not tops:
            return frame
        number = self._count_wanted() if tops or frame.groups or frame.kind == "rows" else None
        if tops and not frame.groups:
            raise NotUnderstood(tops[0].text)
        if sorting is None or (tops and sorting.descending is None):
            sorting = Sorting(sorting.by if sorting else None, tops[0].data == "desc")
        default = (10 if self._asks_for_several(tops) else 1) if tops else None
        return sort_frame(self.lexicon, frame, sorting, limit=number or default)

    def _asks_for_several(self, tops: Sequence[Chunk]) -> bool:
        """Tell whether more than the first is wanted: states with, but not the state with the highest share."""
        fields = [one for one in self.slots.asked if one.kind == "FIELD" and not is_numeric(one.data)]
        return any(one.kind == "TOP" for one in tops) or not fields or is_plural(fields[0])

    def _superlative(self) -> Chunk | None:
        return next((one for one in self.slots.chunks if one.kind == "ADJ" and one.data.superlative), None)

    def _count_wanted(self) -> int | None:
        """Take the number of rows that are wanted."""
        numbers = [one for one in self.slots.chunks if one.kind == "NUM"]
        if len(numbers) != 1 or not float(numbers[0].data[0]).is_integer() or numbers[0].data[1]:
            return None
        self.slots.chunks.remove(numbers[0])
        return int(numbers[0].data[0])


def _fits_none(held: Clause) -> bool:
    """Tell whether those who did nothing fit a condition on how often something was done."""
    return held.op not in (">", ">=", "=", "between") or held.values[0] < (0 if held.op == ">" else 1)


def is_plural(chunk: Chunk) -> bool:
    """Tell whether what is named ends as plurals do."""
    head = chunk.text.casefold().partition(" of ")[0]  # a group of categories is one
    word = head.split()[-1].replace("’", "'").removesuffix("'s")
    return word.endswith("s") and not word.endswith(("ss", "us"))


def leaves_out(item: Item, cond: Cond) -> bool:
    """Tell whether an amount is of rows with another value than those asked for."""
    if item.table != cond.item.table or item.expression.find(exp.Count):
        return False
    return any(one.this == cond.item.expression and one.expression.name not in cond.values for one in kept_tests(item))


def kept_columns(item: Item) -> set[str]:
    """Return the columns whose values decide which rows an amount is of."""
    return set() if item.expression.find(exp.Count) else {one.this.name for one in kept_tests(item)}
