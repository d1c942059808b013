"""From reduced chunks to a frame: which form of question it is, and what goes into its slots.

Invariant: every chunk is taken by a slot, or there is no frame: ``Slots.finish`` holds that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlglot import exp

from customer360.ask.chunks import Chunk
from customer360.ask.dates import Unit, Window, grain_of
from customer360.ask.frame import AskMeasure, Comparison, Frame, Rank, fields_of
from customer360.ask.grammar import (
    WHEN,
    Cond,
    Figure,
    Groups,
    Held,
    as_cond,
    compare_filter,
    count_of,
    figure_of,
    metric_figure,
    width_of,
)
from customer360.ask.lexicon import Lexicon, is_numeric, table_extension
from customer360.ask.slots import RESTRICTING, NotUnderstood, Slots, build_scope
from customer360.semantic import Condition, Dimension, Filter, Formula, Item, Measure

_LINKS = ("IS", "AND", "COMMA", "BUY", "FROM", "TO", "BETWEEN", "THEIR", "BOTH", "BUT", "BY", "EITHER", "WHICH", "WHO")
_TARGETS = ("ENTITY", "FIELD", "UNITWORD")


def read_frame(lexicon: Lexicon, chunks: Sequence[Chunk]) -> Frame:
    """Return the frame of a whole question.

    Raises:
        NotUnderstood: something is left over or missing.
    """
    slots = Slots(lexicon, list(chunks))
    frame = _Form(slots).build()
    if any(isinstance(one, Measure) and one.agg == "corr" for one in frame.measures):
        slots.take("CORR")
    slots.take(*_LINKS)
    slots.finish()
    return frame.assume(*slots.assumptions)


def main_table(lexicon: Lexicon) -> str:
    """Return the table that "who" asks for: the one whose rows do things."""
    for table in lexicon.model.definition.tables:
        if table.x_nl.activity:
            return table.name
    return lexicon.model.definition.tables[0].name


class _Form:
    """One question; ``build`` finds its form and fills it."""

    def __init__(self, slots: Slots) -> None:
        self.slots = slots
        self.lexicon = slots.lexicon
        self.model = slots.lexicon.model

    def build(self) -> Frame:
        slots = self.slots
        self.asked = list(slots.chunks)
        self.listing = bool(slots.take("LIST")) or slots.has("WHICH", "WHO", "WHAT")
        self.opened = slots.has("OPEN")
        slots.take("WHAT")
        self._how_much()
        self._where_and_who()
        self._unheld()
        self._opened_alone()
        self._lone_count()
        self._lone_aggregate()
        self._lone_number()
        self._fallen()
        if slots.has("SHARE") and not slots.has("RATIO"):
            return self._sorted(self._share())
        if slots.has("RATIO", "DIFF", "COMPARE", "VS", "CHANGE", "PERIODS", "YEARAGO", "BEFORE") or self._which_more():
            return self._sorted(self._compared())
        if slots.has("TOP", "SUP", "RECENT", "GOOD", "NTH") or self._superlative() is not None:
            return self._ranked()
        return self._sorted(self._plain())

    def _where_and_who(self) -> None:
        """Read "where" as the field of places and "who" as the rows that do things."""
        slots = self.slots
        if slots.has("WHERE") and any(
            one.kind in ("FIELD", "ENTITY", "UNITWORD", "COUNTEDFIELD") and one.first < slots.chunks[0].last + 1
            for one in slots.chunks[:1]
        ):
            slots.take("WHERE")
        if slots.has("WHERE"):
            where = slots.take("WHERE")[0]
            item = next((item for item in self.model.items if item.name == "state"), None)
            if item is None:
                raise NotUnderstood("where")
            said = [
                one
                for one in slots.chunks
                if one.kind == "GROUP" and [group.name for group in one.data.dimensions] == [item.full_name]
            ]
            for one in said:
                slots.chunks.remove(one)
            slots.chunks.insert(0, Chunk("FIELD", item, where.first, where.last, item.label))
        if slots.has("WHO") and not slots.has("ENTITY", "COUNTED"):
            who = slots.take("WHO")[0]
            slots.chunks.insert(0, Chunk("ENTITY", main_table(self.lexicon), who.first, who.last, who.text))

    def _how_much(self) -> None:
        """Read "how much" as the sum of the money that is named."""
        slots = self.slots
        if not slots.has("HOWMUCH"):
            return
        asked = slots.take("HOWMUCH")[0]
        fields = [one for one in slots.chunks if one.kind == "FIELD" and one.data.unit == "currency"]
        if any(one.kind == "MEASURE" and one.data.item.unit == "currency" for one in slots.chunks):
            return
        figure = (
            figure_of(self.lexicon, "sum", fields[0].data)
            if len(fields) == 1 and self.lexicon.extensions[fields[0].data.full_name].days_of
            else None
        )
        if figure is None:
            raise NotUnderstood(asked.text)
        slots.chunks[slots.chunks.index(fields[0])] = fields[0].made("MEASURE", figure)

    def _unheld(self) -> None:
        """Take a count and a comparison apart where nothing is grouped: how many people under 30."""
        chunks = self.slots.chunks
        if self.slots.has("FIELD", "GROUP", "COUNTEDFIELD", "UNITWORD", "GRAIN"):
            return
        for place, one in enumerate(chunks):
            if one.kind == "HELD" and one.data.counted is not None:
                chunks[place : place + 1] = list(one.data.counted)

    def _opened_alone(self) -> None:
        """Read "accounts opened" as saying whose accounts they are."""
        slots = self.slots
        opened = [one for one in slots.chunks if one.kind == "OPEN"]
        if opened and not slots.has("ENTITY", "COUNTED", "MEASURE", "FIELD", "COUNTEDFIELD"):
            place = slots.chunks.index(opened[0])
            slots.chunks.insert(
                place, Chunk("ENTITY", main_table(self.lexicon), opened[0].first, opened[0].first, opened[0].text)
            )

    def _lone_count(self) -> None:
        """Read "…, how many?" at the end as counting what was named before."""
        slots = self.slots
        if not slots.has("COUNT"):
            return
        thing = next((one for one in slots.chunks if one.kind == "ENTITY"), None)
        field = next((one for one in slots.chunks if one.kind == "FIELD" and not is_numeric(one.data)), None)
        count = slots.take("COUNT")[0]
        if slots.has("MEASURE", "COUNTED", "COUNTEDFIELD"):
            return
        if thing is None and field is None and not slots.has("VALUE", "COND", "HELD", "OPEN"):
            raise NotUnderstood(count.text, "missing_slots")
        if thing is None and field is not None:
            slots.chunks[slots.chunks.index(field)] = field.made(
                "COUNTEDFIELD", (figure_of(self.lexicon, "count_distinct", field.data), field.data), count
            )
            return
        table = thing.data if thing else main_table(self.lexicon)
        found = count_of(self.lexicon, table)
        if found is None:
            raise NotUnderstood(count.text)
        counted = (thing or count).made("COUNTED", (found, table, False))
        if thing:
            slots.chunks[slots.chunks.index(thing)] = counted
        else:
            slots.chunks.append(counted)

    def _lone_aggregate(self) -> None:
        """Read "on average", "in total" and their like, wherever they stand, as said of the one thing measured."""
        slots = self.slots
        aggs = [one for one in slots.chunks if one.kind == "AGG"]
        if len(aggs) != 1:
            return
        agg = aggs[0]
        fields = [one for one in slots.chunks if one.kind == "FIELD" and is_numeric(one.data)]
        measures = [one for one in slots.chunks if one.kind in ("MEASURE", "COUNTED")]
        if len(measures) == 1 and measures[0].kind == "MEASURE":
            figure: Figure = measures[0].data
            if (
                figure.agg == agg.data
                or (agg.data == "sum" and figure.item.unit in ("count", "currency") and not figure.agg)
                or (agg.data == "avg" and figure.item.unit in ("percent", "score"))
            ):
                slots.chunks.remove(agg)
            return
        if (measures and agg.data == "sum") or (slots.has("COUNTEDFIELD") and agg.data == "sum"):
            slots.chunks.remove(agg)
        elif not measures and len(fields) == 1:
            found = figure_of(self.lexicon, agg.data, fields[0].data)
            if found is not None:
                slots.chunks.remove(agg)
                slots.chunks[slots.chunks.index(fields[0])] = fields[0].made("MEASURE", found)
        elif (agg.data == "sum" and slots.has("HELD")) or (agg.data == "avg" and self._superlative() is not None):
            slots.chunks.remove(agg)
        elif not measures:
            self._aggregate_of_rows(agg)

    def _aggregate_of_rows(self, agg: Chunk) -> None:
        """Read "the average transaction" as the average of what makes one large."""
        slots = self.slots
        for one in slots.chunks:
            if one.kind == "ENTITY" and (agg.data == "sum" or not one.text.casefold().endswith("s")):
                size = table_extension(self.model, one.data).size_field
                item = next((item for item in self.model.items if item.full_name == f"{one.data}.{size}"), None)
                figure = figure_of(self.lexicon, agg.data, item) if item is not None else None
                if figure is not None:
                    slots.chunks.remove(agg)
                    slots.chunks[slots.chunks.index(one)] = one.made("MEASURE", figure, agg)
                return

    def _lone_number(self) -> None:
        """Read a comparison that names nothing, beside people, as one of their age."""
        slots = self.slots
        lone = [one for one in slots.chunks if one.kind == "CMP"]
        table = main_table(self.lexicon)
        age = next((item for item in self.model.items if item.name == "age" and item.table == table), None)
        people = any(
            (one.kind == "ENTITY" and one.data == table) or (one.kind == "COUNTED" and one.data[1] == table)
            for one in slots.chunks
        )
        if len(lone) != 1 or age is None or not people or slots.has("TOP"):
            return
        cmp = lone[0].data
        if cmp.unit or not all(16 <= value <= 110 for value in cmp.values):
            return
        slots.assume(f"“{lone[0].text}” is meant as years of age.")
        slots.chunks[slots.chunks.index(lone[0])] = lone[0].made(
            "COND", Cond(compare_filter(age, cmp.op, cmp.values), age)
        )

    def _fallen(self) -> None:
        """Read "customers whose spend dropped by more than 30 %" as a condition on the change that the profile holds."""
        slots = self.slots
        table = main_table(self.lexicon)
        people = any(
            (one.kind == "ENTITY" and one.data == table) or (one.kind == "COUNTED" and one.data[1] == table)
            for one in slots.chunks
        )
        self._unneeded_period()
        self._declining_spend(people=people)
        measures = [one for one in slots.chunks if one.kind == "MEASURE"]
        changes = [one for one in slots.chunks if one.kind == "CHANGE"]
        if (
            people
            and len(measures) == len(changes) == 1
            and slots.has("SUP", "TOP")
            and not slots.has("PERIODS", "GRAIN", "TREND", "TIME")
        ):
            return self._most_changed(measures[0], changes[0])
        if (
            not people
            or len(measures) != 1
            or len(changes) != 1
            or slots.has("TOP", "SUP", "PERIODS", "GRAIN", "TREND")
        ):
            return None
        name = next(
            (name for name, one in self.lexicon.extensions.items() if one.change_of == measures[0].data.measure), None
        )
        item = next((one for one in self.model.items if one.full_name == name), None)
        windows = [one for one in slots.chunks if one.kind == "TIME"]
        if item is None or any(not one.data.rolling or one.data.count != 90 for one in windows):
            return None
        rises = changes[0].data != "down" and any(
            word in changes[0].text.casefold()
            for word in ("increas", "grow", "grew", "rose", "rise", "ris", "up", "doubl")
        )
        if changes[0].data != "down" and not rises:
            return None
        compared = [one for one in slots.chunks if one.kind == "CMP" and one.data.unit == "percent"]
        value = compared[0].data.values[0] if compared else 100 if "doubl" in changes[0].text.casefold() else 0
        op = compared[0].data.op if compared else ">"
        if op not in (">", ">="):
            return None
        tree = compare_filter(item, op, (value,)) if rises else compare_filter(item, op.replace(">", "<"), (-value,))
        place = slots.chunks.index(measures[0])
        slots.chunks[place] = measures[0].made("COND", Cond(tree, item), changes[0])
        for one in (*changes, *compared, *windows, *(other for other in slots.chunks if other.kind in ("VS", "OP"))):
            slots.chunks.remove(one)

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

    def _which_more(self) -> bool:
        """Tell whether one of two named things is asked for: which spends more, Premium or Standard?"""
        lone = [one for one in self.slots.chunks if one.kind == "OP"]
        lists = [one for one in self.slots.chunks if one.kind == "VALUE" and len(one.data.values) == 2]
        return bool(lone and lists) and not self.slots.has("NUM", "CMP")

    # Plain questions

    def _plain(self) -> Frame:
        slots = self.slots
        moving, running = slots.take("MOVING"), slots.take("RUNNING")
        span = self._span() if moving else 3
        distribution = slots.take("DISTRIB")
        measures = slots.take("MEASURE", "COUNTED", "COUNTEDFIELD")
        groups, per = self._groups()
        frame = self._filled(measures, groups, per, distribution)
        if moving or running:
            if not any(one.grain for one in frame.groups):
                dated = self._dated([Dimension(name=WHEN, grain=grain_of(frame.window))], frame.subject)
                frame = frame.model_copy(update={"groups": (*frame.groups, *dated)})
            frame = frame.model_copy(update={"show": "moving_average" if moving else "running_total", "span": span})
        return frame

    def _filled(
        self, measures: Sequence[Chunk], groups: Sequence[Dimension], per: Chunk | None, distribution: Sequence[Chunk]
    ) -> Frame:
        slots = self.slots
        if per is not None:
            return self._per(measures, per, groups)
        if measures:
            return self._figures(measures, groups)
        fields = slots.take("FIELD")
        entities = [one.data for one in slots.take("ENTITY")]
        in_classes = slots.has("BINS") and all(is_numeric(one.data) for one in fields)
        if (distribution or in_classes) and fields:
            return self._distribution(fields, groups, slots.take("BINS"))
        if entities:
            return self._of_entity(entities, fields, groups)
        if fields:
            return self._of_fields(fields, groups)
        return self._nothing_named(groups)

    def _figures(self, measures: Sequence[Chunk], groups: Sequence[Dimension]) -> Frame:
        """One or more measures, by whatever they are broken down by."""
        slots = self.slots
        entities = [one.data for one in slots.take("ENTITY")]
        if measures[0].kind == "COUNTEDFIELD":
            return self._counted_field(measures, entities, groups)
        fields = slots.take("FIELD")
        if fields:
            tables = {self._figure(one, ()).table for one in measures}
            if any(one.kind == "HELD" and one.data.figure.table in tables for one in slots.chunks):
                raise NotUnderstood(fields[0].text)
            groups = tuple(dict.fromkeys((*groups, *self._as_groups(fields))))
        figures = [self._figure(one, groups) for one in measures]
        subject = figures[0].table
        if figures[0].item.unit == "percent" and not groups and len(figures) == 1:
            groups = self._each_value()
        self._require_related(subject, entities)
        if measures[0].kind == "COUNTED" and entities and len(measures) == 1:
            subject, figures = self._count_of_those(figures[0], entities, groups)
        dated = self._dated(groups, subject)
        summary = self._mean_over(figures[0], measures[0], dated)
        if summary is not None:
            figures[0] = summary
        taken = slots.take(*RESTRICTING)
        subject, figures = self._activity_of(subject, figures, taken, dated)
        dated = self._dated(groups, subject)
        if not dated and any(one.kind == "HELD" for one in taken) and subject not in self._doers():
            taken = self._held_of_doers(taken)
        scope = build_scope(
            slots, subject, taken, groups=dated if subject not in self._doers() or self._holds_groups(taken) else ()
        )
        self._require_groups(subject, dated)
        return Frame(
            kind="figures",
            subject=subject,
            measures=tuple(one.measure for one in figures),
            groups=dated,
            summary="avg" if summary is not None else None,
            **scope.as_parts(),
        )

    def _each_value(self) -> tuple[Dimension, ...]:
        """Return the field of several values that a rate is asked for, each on its own."""
        lists = [
            one
            for one in self.slots.chunks
            if one.kind == "VALUE" and len(one.data.values) > 1 and " or " not in one.text.casefold()
        ]
        if len(lists) != 1:
            return ()
        self.slots.assume("The rate is shown for each of them.")
        return (Dimension(name=lists[0].data.item.full_name),)

    def _doers(self) -> set[str]:
        return {one.name for one in self.model.definition.tables if one.x_nl.activity}

    def _holds_groups(self, taken: Sequence[Chunk]) -> bool:
        """Tell whether conditions on measures are about groups of the doers rather than about what they did."""
        return any(one.kind == "HELD" and one.data.figure.table in self._doers() for one in taken)

    def _held_of_doers(self, taken: Sequence[Chunk]) -> list[Chunk]:
        """Turn "of customers with more than 100 transactions" into a condition on the customer's total."""
        kept: list[Chunk] = []
        for one in taken:
            total = None
            if (
                one.kind == "HELD"
                and isinstance(one.data.figure.measure, str)
                and not one.data.filters
                and not one.data.average
            ):
                total = self.lexicon.totals.get(one.data.figure.measure)
            if one.kind != "HELD":
                kept.append(one)
            elif total is None:
                raise NotUnderstood(one.text)
            else:
                op, values = one.data.op, one.data.values
                tree = Condition.model_validate(
                    {
                        "field": total.full_name,
                        "op": op,
                        **({"values": values} if op == "between" else {"value": values[0]}),
                    }
                )
                kept.append(one.made("COND", Cond(tree, total)))
        return kept

    def _figure(self, chunk: Chunk, groups: Sequence[Dimension]) -> Figure:
        if chunk.kind == "MEASURE":
            figure: Figure = chunk.data
            return figure
        if chunk.kind == "COUNTEDFIELD":
            figure = chunk.data[0]
            return figure
        figure, table, _ = chunk.data
        return figure if self._reaches_all(table, groups) else self._doers_in(table) or figure

    def _doers_in(self, table: str) -> Figure | None:
        """Return the metric that counts the different rows of a table which its activity names."""
        activity = table_extension(self.model, table).activity
        key = self.model.tables[table].primary_key[0]
        for item in self.model.items:
            if item.table == activity and item.kind == "metric" and isinstance(item.expression, exp.Count):
                if isinstance(item.expression.this, exp.Distinct) and item.expression.this.expressions[0].name == key:
                    return metric_figure(item)
        return None

    def _count_of_those(
        self, figure: Figure, entities: Sequence[str], groups: Sequence[Dimension]
    ) -> tuple[str, list[Figure]]:
        return figure.table, [figure]

    def _activity_of(
        self, subject: str, figures: list[Figure], taken: Sequence[Chunk], groups: Sequence[Dimension]
    ) -> tuple[str, list[Figure]]:
        """Count those who did something by day or by what they did over the activity's rows."""
        if subject in self._doers() and not self._reaches_all(subject, groups):
            found = self._doers_in(subject)
            counts = count_of(self.lexicon, subject)
            if len(figures) > 1:
                raise NotUnderstood(", ".join(str(one) for one in groups), "unreachable")
            if found is None or counts is None or figures[0].measure != counts.measure:
                return self._each_once(figures[0], groups)
            return found.table, [found]
        return subject, figures

    def _each_once(self, figure: Figure, groups: Sequence[Dimension]) -> tuple[str, list[Figure]]:
        """Work out a measure of customers by what they did: over those who did it, each once."""
        activity = self._activity()
        item, agg = self._aggregated_field(figure)
        if item is None or not self._reaches_all(activity, groups):
            raise NotUnderstood(", ".join(str(one) for one in groups), "unreachable")
        made = figure_of(self.lexicon, agg, item, over=activity, each=True)
        if made is None:
            raise NotUnderstood(figure.item.label, "unreachable")
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
            return self.opened and all(self.model.relations.reaches(table, name) for name in named)
        return all(self.model.relations.reaches(table, name) for name in named)

    def _require_groups(self, subject: str, groups: Sequence[Dimension]) -> None:
        if not self._reaches_all(subject, groups):
            raise NotUnderstood(", ".join(str(one) for one in groups), "unreachable")

    def _require_related(self, subject: str, entities: Sequence[str]) -> None:
        for table in entities:
            related = self.model.relations.reaches(subject, table) or self.model.relations.reaches(table, subject)
            if not related:
                raise NotUnderstood(table)

    def _mean_over(self, figure: Figure, chunk: Chunk, groups: Sequence[Dimension]) -> Figure | None:
        """Return the metric to average over groups: average daily spend, average number of customers per state."""
        averaged = self.slots.take("AGG") if self.slots.has("AGG") else []
        if averaged and (len(averaged) > 1 or averaged[0].data not in ("avg", "median", "max", "min")):
            raise NotUnderstood(averaged[0].text)
        if averaged and len(groups) > 1:
            raise NotUnderstood(averaged[0].text)
        if averaged and groups:
            return figure
        if averaged:
            raise NotUnderstood(averaged[0].text)
        if figure.of is not None and len(groups) == 1 and groups[0].grain and self._said_per:
            return metric_figure(figure.of)
        return None

    _said_per = False
    within: tuple[str, ...] = ()

    def _counted_field(self, measures: Sequence[Chunk], entities: Sequence[str], groups: Sequence[Dimension]) -> Frame:
        """How many states, merchants, categories: different values, or groups that a measure fits."""
        slots = self.slots
        if len(measures) > 1:
            raise NotUnderstood(measures[1].text)
        _, item = measures[0].data
        taken = slots.take(*RESTRICTING)
        if any(one.kind == "HELD" for one in taken):
            subject = self._held_subject(taken)
            dimension = Dimension(name=item.full_name)
            scope = build_scope(slots, subject, taken, groups=(dimension,))
            held = next(one.data for one in taken if one.kind == "HELD")
            self._require_groups(subject, (dimension,))
            return Frame(
                kind="figures",
                subject=subject,
                measures=(held.figure.measure,),
                groups=(dimension,),
                summary="count",
                **scope.as_parts(),
            )
        needed = [
            item.table,
            *(
                name.rpartition(".")[0]
                for one in taken
                if one.kind in ("COND", "VALUE")
                for name in fields_of(as_cond(one).filter)
            ),
            *(one.name.rpartition(".")[0] for one in groups),
            *entities,
        ]
        if any(one.kind in ("TIME", "BUY") for one in taken):
            needed.append(self._activity())
        subject = self._finest(needed)
        figure = (
            figure_of(self.lexicon, "count_distinct", item, over=subject)
            if subject != self.model.relations.home(item.table)
            else figure_of(self.lexicon, "count_distinct", item)
        )
        if figure is None:
            raise NotUnderstood(measures[0].text)
        scope = build_scope(slots, subject, [one for one in taken if one.kind != "BUY"])
        dated = self._dated(groups, subject)
        return Frame(kind="figures", subject=subject, measures=(figure.measure,), groups=dated, **scope.as_parts())

    def _activity(self) -> str:
        return table_extension(self.model, main_table(self.lexicon)).activity or main_table(self.lexicon)

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

    def _held_subject(self, taken: Sequence[Chunk]) -> str:
        held: Held = next(one.data for one in taken if one.kind == "HELD")
        return held.figure.table

    def _per(self, measures: Sequence[Chunk], per: Chunk, groups: Sequence[Dimension]) -> Frame:
        """A measure for each row of a table: the mean per customer, or a list by customer."""
        slots = self.slots
        table = per.data.table
        things = [one for one in slots.chunks if one.kind == "ENTITY" and one.data != table]
        if not measures and len(things) == 1:
            slots.chunks.remove(things[0])
            found = count_of(self.lexicon, things[0].data)
            measures = [things[0].made("COUNTED", (found, things[0].data, False))] if found else []
        if len(measures) != 1:
            raise NotUnderstood(per.text)
        if measures[0].kind == "COUNTEDFIELD":
            raise NotUnderstood(per.text)
        figure = self._figure(measures[0], ())
        averaged = slots.take("AGG")
        slots.take("ENTITY")
        agg = averaged[0].data if averaged else figure.agg or "avg"
        base = figure.of or figure.item
        of = f"{base.full_name}"
        is_list = not averaged and not figure.agg and not per.text.casefold().startswith("per")
        taken = slots.take(*RESTRICTING)
        if table == figure.table or self.model.relations.reaches(table, figure.table):
            if (figure.agg and figure.table == table) or (
                is_list is False and figure.item.unit != "count" and figure.agg
            ):
                return self._figures_of(figure, taken, groups, figure.table)
            raise NotUnderstood(per.text)
        if not self.model.relations.reaches(figure.table, table):
            raise NotUnderstood(per.text)
        total = self.lexicon.totals.get(of)
        fine = self._has_fine(table, taken, groups)
        if is_list and not groups:
            return self._listed_by(figure, total, table, taken, fine=fine)
        if total is not None and not fine:
            found = figure_of(self.lexicon, agg, total)
            if found is None:
                raise NotUnderstood(per.text)
            return self._figures_of(found, taken, groups, table)
        if agg != "avg":
            raise NotUnderstood(per.text)
        doers = self._doers_in(table)
        if doers is None:
            raise NotUnderstood(per.text)
        slots.assume("Per customer means: divided by the customers with such transactions.")
        scope = build_scope(slots, figure.table, [one for one in taken if one.kind != "BUY"])
        dated = self._dated(groups, figure.table)
        ratio = Formula.model_validate(
            {"op": "ratio", "left": of, "right": doers.measure, "as": f"{base.name}_per_customer"}
        )
        return Frame(kind="figures", subject=figure.table, measures=(ratio,), groups=dated, **scope.as_parts())

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

    def _listed_by(
        self, figure: Figure, total: Item | None, table: str, taken: Sequence[Chunk], *, fine: bool
    ) -> Frame:
        """Return a measure for every row of a table."""
        names = tuple(f"{table}.{name}" for name in table_extension(self.model, table).row_fields)
        if total is not None and not fine and not any(one.kind in ("HELD", "BUY", "NEVER") for one in taken):
            scope = build_scope(self.slots, table, taken)
            rank = Rank(by=total.full_name)
            return Frame(kind="rows", subject=table, fields=(*names, total.full_name), rank=rank, **scope.as_parts())
        groups = tuple(Dimension(name=name) for name in names)
        scope = build_scope(self.slots, figure.table, [one for one in taken if one.kind != "BUY"], groups=groups)
        return Frame(
            kind="figures",
            subject=figure.table,
            measures=(figure.measure,),
            groups=groups,
            rank=Rank(by="*"),
            **scope.as_parts(),
        )

    def _distribution(self, fields: Sequence[Chunk], groups: Sequence[Dimension], bins: Sequence[Chunk] = ()) -> Frame:
        """How many rows there are by value of a field, numbers in classes."""
        slots = self.slots
        items = [one.data for one in fields]
        entities = [one.data for one in slots.take("ENTITY")]
        width = next((one.data for one in bins if one.data), None)
        dimensions = tuple(self._binned(item, width) for item in items)
        tables = [item.table for item in items]
        if entities:
            self._require_related(entities[0], tables)
        subject = (
            entities[0]
            if entities and all(self.model.relations.reaches(entities[0], table) for table in tables)
            else self._finest(tables)
        )
        count = count_of(self.lexicon, subject)
        if count is None:
            raise NotUnderstood(fields[0].text)
        return self._figures_of(count, slots.take(*RESTRICTING), (*dimensions, *groups), subject)

    def _binned(self, item: Item, width: float | None = None) -> Dimension:
        if is_numeric(item):
            return Dimension(name=item.full_name, bin=width or width_of(self.lexicon, item))
        return Dimension(name=item.full_name, grain="month" if item.kind == "time_dimension" else None)

    def _of_entity(self, entities: Sequence[str], fields: Sequence[Chunk], groups: Sequence[Dimension]) -> Frame:
        """Rows of a table, or how many there are by group."""
        slots = self.slots
        table = entities[0]
        if fields and not groups and self._led_by(fields):
            groups, fields = self._as_groups(fields), []
        named = [name for name in dict.fromkeys(entities) if name != table]
        taken = slots.take(*RESTRICTING)
        if groups:
            count = count_of(self.lexicon, table)
            if count is None or fields:
                raise NotUnderstood(table)
            if named:
                raise NotUnderstood(named[0])
            subject, figures = self._activity_of(table, [count], taken, groups)
            if subject != table:
                return self._figures_of(figures[0], [one for one in taken if one.kind != "BUY"], groups, subject)
            dated = self._dated(groups, subject)
            held_groups = dated if subject not in self._doers() or self._holds_groups(taken) else ()
            scope = build_scope(slots, subject, taken, groups=held_groups)
            return Frame(kind="figures", subject=subject, measures=(count.measure,), groups=dated, **scope.as_parts())
        if named:
            reaches = self.model.relations.reaches
            if any(not reaches(name, table) and not reaches(table, name) for name in named):
                raise NotUnderstood(named[0])
            if named[0] == table_extension(self.model, table).activity:
                taken = [*taken, Chunk("BUY", "", 0, 0, named[0])]
        if fields and any(one.kind == "HELD" and one.data.figure.table == table for one in taken):
            return self._groups_with(fields, taken)
        if table == self._activity() and not self.listing and not fields and not self._measured_rows(taken):
            found = count_of(self.lexicon, table)
            if found is not None:
                return self._figures_of(found, [one for one in taken if one.kind != "BUY"], (), table)
        return self._rows(table, taken, [one.data for one in fields])

    def _measured_rows(self, taken: Sequence[Chunk]) -> bool:
        """Tell whether a condition compares a number of the rows, so that it is they who are wanted."""
        conds = [as_cond(one) for one in taken if one.kind in ("COND", "VALUE")]
        return any(not cond.values or self._is_key(cond) or cond.item.name.endswith("_id") for cond in conds) or any(
            one.kind == "HELD" for one in taken
        )

    def _led_by(self, fields: Sequence[Chunk]) -> bool:
        """Tell whether fields stand before what they are of, so that they are the groups: segments of customers who …"""
        things = [one for one in self.asked if one.kind in ("ENTITY", "WHO")]
        return bool(things) and all(
            not is_numeric(one.data) and one.data.kind == "dimension" and one.last <= things[0].first for one in fields
        )

    def _rows(self, table: str, taken: Sequence[Chunk], extra: Sequence[Item], rank: Rank | None = None) -> Frame:
        scope = build_scope(self.slots, table, taken)
        extension = table_extension(self.model, table)
        names = [f"{table}.{name}" for name in extension.row_fields]
        names += [item.full_name for item in extra]
        for tree in scope.near:
            names += [name for name in sorted(fields_of(tree)) if self._worth_showing(name, tree)]
        for item in extra:
            if not self.model.relations.reaches(table, item.table):
                raise NotUnderstood(item.label)
        return Frame(kind="rows", subject=table, fields=tuple(dict.fromkeys(names)), rank=rank, **scope.as_parts())

    def _worth_showing(self, name: str, tree: Filter) -> bool:
        is_one = isinstance(tree, Condition) and tree.op == "="
        return not is_one

    def _of_fields(self, fields: Sequence[Chunk], groups: Sequence[Dimension]) -> Frame:
        """Fields without a measure: a distribution, a list of values, a mean, or one row's fields."""
        slots = self.slots
        taken = slots.take(*RESTRICTING)
        items = [one.data for one in fields]
        if any(one.kind == "HELD" for one in taken):
            return self._groups_with(fields, taken, groups)
        keyed = [one for one in taken if one.kind in ("VALUE", "COND") and self._is_key(as_cond(one))]
        if keyed and not groups:
            return self._rows(as_cond(keyed[0]).item.table, taken, items)
        numbers = [item for item in items if is_numeric(item)]
        if numbers and len(numbers) == len(items) and not (numbers[0].kind == "dimension" and not groups):
            figures = [figure_of(self.lexicon, "avg", item) for item in numbers]
            slots.assume(f"{numbers[0].label} is shown as an average.")
            made = [figure for figure in figures if figure is not None]
            subject = made[0].table
            dated = self._dated(groups, subject)
            self._require_groups(subject, dated)
            scope = build_scope(slots, subject, taken)
            return Frame(
                kind="figures",
                subject=subject,
                measures=tuple(one.measure for one in made),
                groups=dated,
                **scope.as_parts(),
            )
        if numbers or groups:
            raise NotUnderstood(fields[0].text)
        if not self.listing and not taken:
            raise NotUnderstood(fields[0].text, "missing_slots")
        subject = (
            self._finest([item.table for item in items]) if len({item.table for item in items}) > 1 else items[0].table
        )
        needed = [
            name.rpartition(".")[0]
            for one in taken
            if one.kind in ("COND", "VALUE")
            for name in fields_of(as_cond(one).filter)
        ]
        if needed or any(one.kind in ("TIME", "BUY") for one in taken):
            extra = [self._activity()] if any(one.kind in ("TIME", "BUY") for one in taken) else []
            subject = self._finest([*(item.table for item in items), *needed, *extra])
        scope = build_scope(slots, subject, [one for one in taken if one.kind != "BUY"])
        return Frame(
            kind="values",
            subject=subject,
            groups=tuple(Dimension(name=item.full_name) for item in items),
            **scope.as_parts(),
        )

    def _is_key(self, cond: Cond) -> bool:
        return (
            cond.item.name in self.model.tables[cond.item.table].primary_key and bool(cond.values) and not cond.negated
        )

    def _groups_with(self, fields: Sequence[Chunk], taken: Sequence[Chunk], groups: Sequence[Dimension] = ()) -> Frame:
        """Groups that a measure fits: states with more than 100 customers."""
        dimensions = (*self._as_groups(fields), *groups)
        helds = [one.data for one in taken if one.kind == "HELD"]
        subject = helds[0].figure.table
        if any(held.figure.table != subject for held in helds):
            raise NotUnderstood(helds[1].figure.item.label)
        self._require_groups(subject, dimensions)
        scope = build_scope(self.slots, subject, taken, groups=dimensions)
        measures = tuple(held.figure.measure for held in helds)
        return Frame(kind="figures", subject=subject, measures=measures, groups=dimensions, **scope.as_parts())

    def _as_groups(self, fields: Sequence[Chunk]) -> tuple[Dimension, ...]:
        if any(one.data.kind in ("fact",) for one in fields):
            raise NotUnderstood(fields[0].text)
        return tuple(
            Dimension(name=one.data.full_name, grain="day" if one.data.kind == "time_dimension" else None)
            for one in fields
        )

    def _nothing_named(self, groups: Sequence[Dimension]) -> Frame:
        slots = self.slots
        if slots.has("UNITWORD") and slots.has("HELD") and not groups:
            unit: Unit = slots.take("UNITWORD")[0].data
            taken = slots.take(*RESTRICTING)
            held = next(one.data for one in taken if one.kind == "HELD")
            subject = held.figure.table
            dated = self._dated([Dimension(name=WHEN, grain=unit)], subject)
            scope = build_scope(slots, subject, taken, groups=dated)
            return Frame(
                kind="figures", subject=subject, measures=(held.figure.measure,), groups=dated, **scope.as_parts()
            )
        conds = [one for one in slots.chunks if one.kind in ("VALUE", "COND")]
        near = all(self.model.relations.reaches(main_table(self.lexicon), as_cond(one).item.table) for one in conds)
        if conds and not groups and (self.listing or near):
            table = main_table(self.lexicon)
            return self._rows(table, slots.take(*RESTRICTING), [])
        raise NotUnderstood("what to work out", "missing_slots")

    # Groups and windows

    def _groups(self) -> tuple[tuple[Dimension, ...], Chunk | None]:
        """Take the groups, and the chunk that says "per customer"; a bare grain stands for the default date."""
        found: list[Dimension] = []
        per: Chunk | None = None
        window = self.slots.window()
        for one in self.slots.take("GROUP", "GRAIN"):
            data = Groups((Dimension(name=WHEN, grain=one.data),)) if one.kind == "GRAIN" else one.data
            if data.table:
                per = one
            if any(dimension.grain for dimension in data.dimensions):
                self._said_per = not one.text.casefold().startswith("by")
            found += data.dimensions
            self.within = (*self.within, *data.within)
        if self.slots.take("TREND") and not any(one.grain for one in found):
            found.append(Dimension(name=WHEN, grain=grain_of(window)))
        return tuple(dict.fromkeys(found)), per

    def _dated(self, groups: Sequence[Dimension], subject: str) -> tuple[Dimension, ...]:
        """Return the groups with the subject's date in the place of a bare grain."""
        if not any(one.name == WHEN for one in groups):
            return tuple(groups)
        extension = table_extension(self.model, subject)
        if not extension.default_time_dimension:
            raise NotUnderstood("over time")
        if subject in self._doers() and not self.opened:
            raise NotUnderstood("over time", "no_history")
        self.slots.dated = True
        name = f"{subject}.{extension.default_time_dimension}"
        return tuple(one.model_copy(update={"name": name}) if one.name == WHEN else one for one in groups)

    def _span(self) -> int:
        """Take the number of periods of a moving average."""
        for place, one in enumerate(self.slots.chunks):
            if one.kind == "DURATION" and one.data.op == "=":
                self.slots.chunks[place] = one.made("GRAIN", one.data.unit)
                return int(one.data.count)
        for place, one in enumerate(self.slots.chunks[:-1]):
            unit = self.slots.chunks[place + 1]
            if one.kind == "NUM" and unit.kind in ("UNITWORD", "GRAIN"):
                self.slots.chunks[place : place + 2] = [Chunk("GRAIN", unit.data, one.first, unit.last, unit.text)]
                return int(one.data[0])
        return 3

    def _sorted(self, frame: Frame) -> Frame:
        """Take a wish for an order: ranked by spend, highest first."""
        slots = self.slots
        by = self._sort_by(frame)
        sort, direction, tops = slots.take("SORT"), slots.take("DIR"), slots.take("TOP", "SUP")
        if not sort and not direction and not tops:
            return frame
        number = self._count_wanted() if tops or frame.groups or frame.kind == "rows" else None
        if tops and not frame.groups:
            raise NotUnderstood(tops[0].text)
        descending = direction[0].data == "desc" if direction else tops[0].data == "desc" if tops else True
        limit = number or (10 if tops else None)
        rank = Rank(by=by or "*", descending=descending, limit=limit)
        return frame.model_copy(update={"rank": frame.rank or rank})

    def _sort_by(self, frame: Frame) -> str:
        """Take the measure or field that an answer is sorted by, which it must have."""
        chunks = self.slots.chunks
        for place, one in enumerate(chunks[:-1]):
            after = chunks[place + 1]
            if one.kind == "SORT" and after.kind in ("MEASURE", "FIELD"):
                name = after.data.measure if after.kind == "MEASURE" else after.data.full_name
                if name in frame.measures or name in frame.fields or any(name == group.name for group in frame.groups):
                    chunks.remove(after)
                    return str(name)
        return ""

    # Ranking

    def _superlative(self) -> Chunk | None:
        return next((one for one in self.slots.chunks if one.kind == "ADJ" and one.data.superlative), None)

    def _ranked(self) -> Frame:
        """The first of something: by a measure, by a field, by date."""
        slots = self.slots
        words = slots.take("TOP", "SUP", "RECENT", "GOOD")
        adjective = self._superlative()
        if adjective is not None:
            slots.chunks.remove(adjective)
        nth = slots.take("NTH", "NTHNUM")
        slots.take("SORT", "DIR")
        good = [one for one in words if one.kind == "GOOD"]
        descending = _is_descending(words, good)
        number = self._count_wanted()
        by = self._order_by()
        measures = slots.take("MEASURE", "COUNTED", "COUNTEDFIELD")
        groups, per = self._groups()
        if per is not None and not by and not groups:
            entity = per.data.table
            slots.chunks.append(Chunk("ENTITY", entity, per.first, per.last, per.text))
        elif per is not None:
            return self._first_of_each(per, by or measures, number, descending=descending)
        targets = slots.take(*_TARGETS)
        offset = int(nth[0].data) - 1 if nth else 0
        limit = number if number else (1 if offset else None)
        if good and any(self._is_worse(one) for one in (*measures, *by, *targets)):
            descending = not descending
        choice = _Choice(targets, [*measures, *by], words, adjective, limit, offset, descending, tuple(groups))
        return self._rank(choice)

    def _is_worse(self, chunk: Chunk) -> bool:
        """Tell whether more of a measure is worse."""
        data = chunk.data[0] if chunk.kind in ("COUNTED", "COUNTEDFIELD") else chunk.data
        item = data.item if isinstance(data, Figure) else data if isinstance(data, Item) else None
        extension = self.lexicon.extensions.get(item.full_name) if item is not None else None
        return extension is not None and extension.higher_is_worse

    def _count_wanted(self) -> int | None:
        """Take the number of rows that are wanted."""
        numbers = [one for one in self.slots.chunks if one.kind == "NUM"]
        if len(numbers) != 1 or not float(numbers[0].data[0]).is_integer() or numbers[0].data[1]:
            return None
        self.slots.chunks.remove(numbers[0])
        return int(numbers[0].data[0])

    def _order_by(self) -> list[Chunk]:
        """Take what a ranking is by: "by lifetime value", "in terms of spend"."""
        chunks = self.slots.chunks
        for place, one in enumerate(chunks[:-1]):
            after = chunks[place + 1]
            if one.kind in ("BY", "IN") and after.kind in ("MEASURE", "COUNTED", "FIELD", "ENTITY"):
                if after.kind == "FIELD" and not is_numeric(after.data):
                    continue
                del chunks[place : place + 2]
                return [after]
        return []

    def _first_of_each(self, per: Chunk, by: Sequence[Chunk], number: int | None, *, descending: bool) -> Frame:
        raise NotUnderstood(per.text)

    def _rank(self, choice: _Choice) -> Frame:
        slots = self.slots
        measures = [one for one in choice.measures if one.kind in ("MEASURE", "COUNTED", "COUNTEDFIELD")]
        numbers = [one for one in choice.measures if one.kind == "FIELD"]
        numbers += [
            one for one in choice.targets if one.kind == "FIELD" and (is_numeric(one.data) and one.data.kind == "fact")
        ]
        named = [one for one in choice.targets if one not in numbers]
        ages = [one for one in named if one.kind == "FIELD" and is_numeric(one.data)]
        if ages and (len(named) > 1 or not named[0].text):
            numbers += ages
            named = [one for one in named if one not in ages]
        entities = [one for one in named if one.kind == "ENTITY"]
        fields = [one for one in named if one.kind in ("FIELD", "UNITWORD")]
        taken = slots.take(*RESTRICTING)
        if choice.adjective is not None and not numbers and not measures:
            item = self._meant_by(choice.adjective, entities)
            choice.descending = (
                choice.adjective.data.op == ">"
                if item == choice.adjective.data.item
                else choice.adjective.data.op == "<"
            )
            if item.kind in ("metric", "derived_metric"):
                measures = [choice.adjective.made("MEASURE", metric_figure(item))]
            else:
                numbers = [choice.adjective.made("FIELD", item)]
        recent = [one for one in choice.words if one.kind == "RECENT"]
        if fields and not (recent and not measures and not numbers):
            return self._rank_groups(choice, fields, entities, measures, numbers, taken)
        if recent and not numbers and not measures:
            return self._rank_dates(choice, entities, fields, taken)
        if entities:
            return self._rank_rows(choice, entities, measures, numbers, taken)
        return self._extreme(choice, measures, numbers, taken)

    def _rank_groups(
        self,
        choice: _Choice,
        fields: Sequence[Chunk],
        entities: Sequence[Chunk],
        measures: Sequence[Chunk],
        numbers: Sequence[Chunk],
        taken: Sequence[Chunk],
    ) -> Frame:
        """Groups by a measure: which state has the highest average lifetime value."""
        dimensions = tuple(
            Dimension(name=WHEN, grain=one.data) if one.kind == "UNITWORD" else _grouping(one.data) for one in fields
        )
        held = [one.data for one in taken if one.kind == "HELD"]
        if measures:
            figure = self._figure(measures[0], dimensions)
            figures = [figure, *(self._figure(one, dimensions) for one in measures[1:])]
        elif numbers:
            found = figure_of(self.lexicon, "avg", numbers[0].data)
            if found is None:
                raise NotUnderstood(numbers[0].text)
            self.slots.assume(f"{numbers[0].data.label} of a group is its average.")
            figures = [found]
        elif entities:
            if any(one.kind == "SUP" and one.last == fields[0].first for one in choice.words):
                raise NotUnderstood(fields[0].text)
            counted = count_of(self.lexicon, entities[0].data)
            if counted is None:
                raise NotUnderstood(entities[0].text)
            figures = [counted]
            entities = entities[1:] if len(entities) > 1 else []
            figures = [
                counted if self._reaches_all(counted.table, dimensions) else self._doers_in(counted.table) or counted
            ]
        elif held:
            figures = [held[0].figure]
        else:
            raise NotUnderstood(fields[0].text, "missing_measure")
        subject = figures[0].table
        self._require_related(subject, [one.data for one in entities])
        subject, figures = self._activity_of(subject, figures, taken, (*dimensions, *choice.groups))
        dated = self._dated((*dimensions, *choice.groups), subject)
        self._require_groups(subject, dated)
        on_groups = dated if subject not in self._doers() or self._holds_groups(taken) else ()
        scope = build_scope(self.slots, subject, taken, groups=on_groups)
        per = tuple(dated[len(dimensions) :])
        limit = choice.limit or (10 if self._is_plural(choice, fields[0]) and not per else 1)
        if choice.limit is None and limit == 10:
            self.slots.assume("The first 10, because no number was given.")
        rank = Rank(by="*", descending=choice.descending, limit=limit, offset=choice.offset, per=per)
        return Frame(
            kind="figures",
            subject=subject,
            measures=tuple(one.measure for one in figures),
            groups=dated,
            rank=rank,
            **scope.as_parts(),
        )

    def _meant_by(self, adjective: Chunk, entities: Sequence[Chunk]) -> Item:
        """Return what an adjective compares: the oldest accounts are those opened first, not those of old people."""
        item: Item = adjective.data.item
        if item.name == "age" and any("account" in one.text.casefold() for one in entities):
            table = entities[0].data
            name = table_extension(self.model, table).default_time_dimension
            return next((one for one in self.model.items if one.full_name == f"{table}.{name}"), item)
        return item

    def _is_plural(self, choice: _Choice, chunk: Chunk) -> bool:
        word = chunk.text.split()[-1].casefold()
        if chunk.kind == "ENTITY" and word in ("who", "people"):
            return word == "people"
        return (word.endswith("s") and not word.endswith(("ss", "us"))) or any(
            one.kind == "TOP" for one in choice.words
        )

    def _rank_dates(
        self, choice: _Choice, entities: Sequence[Chunk], fields: Sequence[Chunk], taken: Sequence[Chunk]
    ) -> Frame:
        """The newest or the oldest rows, or the date of them."""
        self.slots.take("WHEN")
        if fields:
            item = fields[0].data
            if isinstance(item, str) or item.kind != "time_dimension":
                raise NotUnderstood(fields[0].text)
            figure = figure_of(self.lexicon, "max" if choice.descending else "min", item)
            if figure is None:
                raise NotUnderstood(fields[0].text)
            return self._figures_of(figure, taken, choice.groups, figure.table)
        if len(entities) < 1 or choice.groups:
            raise NotUnderstood("the newest or the oldest", "missing_slots")
        table = entities[0].data
        extension = table_extension(self.model, table)
        if not extension.default_time_dimension:
            raise NotUnderstood(entities[0].text)
        for one in entities[1:]:
            if not self.model.relations.reaches(table, one.data):
                raise NotUnderstood(one.text)
        name = f"{table}.{extension.default_time_dimension}"
        limit = choice.limit or (10 if self._is_plural(choice, entities[0]) else 1)
        rank = Rank(by=name, descending=choice.descending, limit=limit, offset=choice.offset)
        item = next(item for item in self.model.items if item.full_name == name)
        return self._rows(table, taken, [item], rank)

    def _rank_rows(
        self,
        choice: _Choice,
        entities: Sequence[Chunk],
        measures: Sequence[Chunk],
        numbers: Sequence[Chunk],
        taken: Sequence[Chunk],
    ) -> Frame:
        """Rows by a number of theirs, or by what a measure makes of their own rows."""
        doers = [one for one in entities if one.data in self._doers()]
        target = doers[0] if doers else entities[0]
        others = [one for one in entities if one.data != target.data]
        table = target.data
        if not measures and not numbers and others:
            counted = count_of(self.lexicon, others[0].data)
            if counted is not None and self.model.relations.reaches(others[0].data, table):
                measures, others = [others[0].made("MEASURE", counted)], others[1:]
        if not measures and not numbers:
            size = table_extension(self.model, table).size_field
            if not size or any(one.kind == "GOOD" for one in choice.words):
                raise NotUnderstood(target.text, "missing_measure")
            item = next(item for item in self.model.items if item.full_name == f"{table}.{size}")
            numbers = [target.made("FIELD", item)]
        for one in others:
            if not self.model.relations.reaches(one.data, table) and not self.model.relations.reaches(table, one.data):
                raise NotUnderstood(one.text)
        limit = choice.limit or (10 if self._is_plural(choice, target) else 1)
        if choice.limit is None and limit == 10:
            self.slots.assume("The first 10, because no number was given.")
        if numbers:
            if choice.groups:
                return self._rows_of_each(choice, table, numbers, taken)
            item = numbers[0].data
            descending = choice.descending
            if item.name == "spend_change_pct" and any(
                word in numbers[0].text.casefold() for word in ("drop", "decrease", "decline", "fall")
            ):
                descending = not descending
            if not self.model.relations.reaches(table, item.table):
                raise NotUnderstood(item.label)
            if item.full_name == f"{table}.transaction_amount" and table == self._activity():
                taken = self._approved(table, taken)
            rank = Rank(by=item.full_name, descending=descending, limit=limit, offset=choice.offset)
            return self._rows(table, taken, [one.data for one in numbers], rank)
        return self._rank_doers(choice, table, measures, taken, limit)

    def _approved(self, table: str, taken: Sequence[Chunk]) -> list[Chunk]:
        """Leave declined rows out of a ranking by amount, unless the question is about them."""
        if any(one.kind in ("COND", "VALUE") and as_cond(one).item.name == "status" for one in taken):
            return list(taken)
        item = next((item for item in self.model.items if item.full_name == f"{table}.status"), None)
        if item is None:
            return list(taken)
        self.slots.assume("Declined transactions are left out, because their amounts were never spent.")
        return [
            *taken,
            Chunk(
                "COND",
                Cond(Condition(field=item.full_name, op="=", value="approved"), item, ("approved",)),
                0,
                0,
                "approved",
            ),
        ]

    def _rank_doers(
        self, choice: _Choice, table: str, measures: Sequence[Chunk], taken: Sequence[Chunk], limit: int
    ) -> Frame:
        """Customers by what a measure makes of their transactions."""
        figure = self._figure(measures[0], ())
        total = self.lexicon.totals.get(figure.measure) if isinstance(figure.measure, str) else None
        if figure.table == table and total is None:
            inner = figure.measure.field if isinstance(figure.measure, Measure) else None
            item = next(
                (
                    item
                    for (agg, name), metric in self.lexicon.aggregates.items()
                    for item in self.model.items
                    if metric == figure.item and item.full_name == name
                ),
                None,
            )
            item = item or (next((one for one in self.model.items if one.full_name == inner), None) if inner else None)
            if item is None:
                raise NotUnderstood(measures[0].text)
            rank = Rank(by=item.full_name, descending=choice.descending, limit=limit, offset=choice.offset)
            if choice.groups:
                return self._rows_of_each(choice, table, [measures[0].made("FIELD", item)], taken)
            return self._rows(table, taken, [item], rank)
        fine = self._has_fine(table, taken, choice.groups)
        if total is not None and not fine:
            rank = Rank(by=total.full_name, descending=choice.descending, limit=limit, offset=choice.offset)
            if choice.groups:
                return self._rows_of_each(choice, table, [measures[0].made("FIELD", total)], taken)
            return self._rows(table, [one for one in taken if one.kind != "BUY"], [total], rank)
        names = tuple(Dimension(name=f"{table}.{name}") for name in table_extension(self.model, table).row_fields)
        dated = self._dated(choice.groups, figure.table)
        groups = (*names, *dated)
        self._require_groups(figure.table, groups)
        scope = build_scope(self.slots, figure.table, [one for one in taken if one.kind != "BUY"], groups=groups)
        rank = Rank(
            by="*",
            descending=choice.descending,
            limit=choice.limit or (1 if dated else limit),
            offset=choice.offset,
            per=dated,
        )
        return Frame(
            kind="figures",
            subject=figure.table,
            measures=(figure.measure,),
            groups=groups,
            rank=rank,
            **scope.as_parts(),
        )

    def _rows_of_each(self, choice: _Choice, table: str, numbers: Sequence[Chunk], taken: Sequence[Chunk]) -> Frame:
        """The first rows of each group: the customer with the highest value in each segment."""
        item = numbers[0].data
        self._require_groups(table, choice.groups)
        rank = Rank(by=item.full_name, descending=choice.descending, limit=choice.limit or 1, per=tuple(choice.groups))
        frame = self._rows(table, [one for one in taken if one.kind != "BUY"], [item], rank)
        names = tuple(str(one.name) for one in choice.groups)
        return frame.model_copy(update={"fields": tuple(dict.fromkeys((*names, *frame.fields)))})

    def _extreme(
        self, choice: _Choice, measures: Sequence[Chunk], numbers: Sequence[Chunk], taken: Sequence[Chunk]
    ) -> Frame:
        """The highest or lowest value of a field, or the first of the groups that were named."""
        if choice.limit or choice.offset:
            raise NotUnderstood("how many of what", "missing_slots")
        if numbers and not measures:
            figure = figure_of(self.lexicon, "max" if choice.descending else "min", numbers[0].data)
            if figure is None:
                raise NotUnderstood(numbers[0].text)
            if choice.groups:
                return self._figures_of(figure, taken, choice.groups, figure.table)
            return self._figures_of(figure, taken, (), figure.table)
        if measures and choice.groups:
            figure = self._figure(measures[0], choice.groups)
            subject = figure.table
            dated = self._dated(choice.groups, subject)
            self._require_groups(subject, dated)
            scope = build_scope(self.slots, subject, taken, groups=dated if subject not in self._doers() else ())
            per = tuple(one for one in dated if one.grain) if len(dated) > 1 else ()
            if len(dated) > 1 and len(per) != len(dated) - 1:
                raise NotUnderstood("the first of which", "missing_measure")
            rank = Rank(by="*", descending=choice.descending, limit=1, per=per)
            return Frame(
                kind="figures", subject=subject, measures=(figure.measure,), groups=dated, rank=rank, **scope.as_parts()
            )
        raise NotUnderstood("the highest or lowest of what", "missing_measure")

    # Shares

    def _share(self) -> Frame:
        """A share of a total by group, or the percentage that a part is of a whole."""
        slots = self.slots
        slots.take("SHARE")
        distribution = slots.take("DISTRIB")
        measures = slots.take("MEASURE", "COUNTED", "COUNTEDFIELD")
        groups, per = self._groups()
        if per is not None or any(one.kind == "COUNTEDFIELD" for one in measures):
            raise NotUnderstood("share")
        whole, part = self._split()
        entities = [one.data for one in slots.take("ENTITY")]
        fields = slots.take("FIELD")
        if measures:
            figure = self._figure(measures[0], groups)
        else:
            table = entities[0] if entities else main_table(self.lexicon)
            found = count_of(self.lexicon, table)
            if found is None:
                raise NotUnderstood(table)
            figure = found if self._reaches_all(table, groups) else self._doers_in(table) or found
        subject = figure.table
        if len(measures) > 1 or figure.agg not in ("", "sum"):
            raise NotUnderstood("share of " + figure.item.label)
        if fields and not part:
            groups = (*groups, *self._as_groups(fields))
        elif fields:
            raise NotUnderstood(fields[0].text)
        self._require_related(subject, entities)
        dated = self._dated(groups, subject)
        self._require_groups(subject, dated)
        if not part and not dated:
            if len([one for one in whole if one.kind in ("COND", "VALUE", "HELD")]) != 1 or distribution:
                raise NotUnderstood("of which whole", "ambiguous_share")
            part, whole = [one for one in whole if one.kind != "TIME"], [one for one in whole if one.kind == "TIME"]
        elif (
            not part
            and dated
            and any(one.kind in ("COND", "VALUE", "HELD") for one in whole)
            and not distribution
            and not measures
        ):
            part, whole = [one for one in whole if one.kind != "TIME"], [one for one in whole if one.kind == "TIME"]
        elif part:
            times = [one for one in part if one.kind == "TIME"]
            if times and subject not in self._doers():
                part, whole = [one for one in part if one.kind != "TIME"], [*whole, *times]
        scope = build_scope(slots, subject, [one for one in whole if one.kind != "BUY" or subject in self._doers()])
        if not part:
            within = self.within if len(self.within) < len(dated) else ()
            return Frame(
                kind="figures",
                subject=subject,
                measures=(figure.measure,),
                groups=dated,
                show="share",
                within=within,
                **scope.as_parts(),
            )
        inner = build_scope(slots, subject, [one for one in part if one.kind != "BUY" or subject in self._doers()])
        if inner.window is not None and inner.window_field:
            raise NotUnderstood(inner.window.label)
        return Frame(
            kind="figures",
            subject=subject,
            measures=(figure.measure,),
            groups=dated,
            part=tuple(inner.near),
            part_clauses=tuple(inner.clauses),
            **scope.as_parts(),
        )

    def _split(self) -> tuple[list[Chunk], list[Chunk]]:
        """Take the restricting chunks before and after the verb: of the whole, and of the part."""
        slots = self.slots
        places = [place for place, one in enumerate(slots.chunks) if one.kind in ("IS", "BUY", "NEVER", "OPEN", "WHO")]
        heads = [place for place, one in enumerate(slots.chunks) if one.kind in ("ENTITY",)]
        first = heads[0] if heads else -1
        verbs = [place for place in places if place > first]
        if not verbs:
            return slots.take(*RESTRICTING), []
        kept = [
            place
            for place in verbs
            if any(one.kind in RESTRICTING and one.kind not in ("IS",) for one in slots.chunks[place:])
        ]
        if not kept:
            return slots.take(*RESTRICTING), []
        cut = kept[0] if len(kept) == 1 else self._last_main(kept)
        before = [one for one in slots.chunks[:cut] if one.kind in RESTRICTING]
        after = [one for one in slots.chunks[cut:] if one.kind in RESTRICTING]
        slots.take(*RESTRICTING)
        if not any(one.kind in ("COND", "VALUE", "HELD", "NEVER", "BUY", "OPEN") for one in after):
            return [*before, *after], []
        return before, after

    def _last_main(self, verbs: Sequence[int]) -> int:
        """Return the verb of the main clause: after a relative clause the next one."""
        chunks = self.slots.chunks
        first = verbs[0]
        relative = (
            chunks[first]
            .text.casefold()
            .startswith(("who", "that", "which", "with", "in", "living", "aged", "having", "located", "based"))
        )
        return verbs[1] if relative and len(verbs) > 1 else first

    # Comparisons

    def _compared(self) -> Frame:
        """Two windows, two values or two measures set against each other."""
        slots = self.slots
        ratio, difference = slots.take("RATIO"), slots.take("DIFF")
        slots.take("COMPARE")
        change, periods, year_ago = slots.take("CHANGE"), slots.take("PERIODS"), slots.take("YEARAGO")
        self._join_values()
        self._lone_aggregate()
        windows = self._windows(
            bool(change or periods),
            year_ago=bool(year_ago or any(one.data == "year" for one in periods)),
            periods=periods,
        )
        show = (
            "ratio" if ratio else "difference" if difference else "change" if change or periods or year_ago else "both"
        )
        if windows is not None:
            frame = self._plain_without(("TIME",))
            if frame.kind != "figures" or frame.rank:
                raise NotUnderstood("compared with what")
            if frame.subject in self._doers():
                raise NotUnderstood(windows[0].label, "window_of_rows")
            extension = table_extension(self.model, frame.subject)
            return frame.model_copy(
                update={
                    "comparison": Comparison(show=show, windows=windows),
                    "window_field": f"{frame.subject}.{extension.default_time_dimension}",
                }
            )
        if change or periods:
            return self._changes(change, periods)
        return self._two_values(show)

    def _plain_without(self, kinds: tuple[str, ...]) -> Frame:
        self.slots.take(*kinds)
        self.slots.take("FROM", "BETWEEN", "TO", "AND", "OP", "VS")
        return self._plain()

    def _join_values(self) -> None:
        """Join values of one field that "versus" or "to" parts, beside each other or not."""
        chunks = self.slots.chunks
        self._join_flags()
        for place, one in enumerate(chunks):
            after = next((other for other in chunks[place + 1 :] if other.kind not in ("IS", "ENTITY", "AND")), None)
            if one.kind in ("VS", "OP") and after is not None and after.kind == "VALUE":
                before = next(
                    (other for other in chunks[:place] if other.kind == "VALUE" and other.data.item == after.data.item),
                    None,
                )
                if before is not None:
                    values = tuple(dict.fromkeys((*before.data.values, *after.data.values)))
                    chunks[chunks.index(before)] = before.made(
                        "VALUE", type(before.data)(before.data.item, values), after
                    )
                    chunks.remove(after)
                    break
        place = 0
        while place + 2 < len(chunks):
            left, link, right = chunks[place : place + 3]
            if (
                left.kind == right.kind == "VALUE"
                and link.kind in ("VS", "TO", "AND", "OR", "COMMA")
                and left.data.item == right.data.item
            ):
                values = tuple(dict.fromkeys((*left.data.values, *right.data.values)))
                chunks[place : place + 3] = [left.made("VALUE", type(left.data)(left.data.item, values), link, right)]
            else:
                place += 1

    def _join_flags(self) -> None:
        """Read "discretionary versus non-discretionary" as groups by what is true or false."""
        flags = [one for one in self.slots.chunks if one.kind == "COND" and one.data.item.data_type == "BOOLEAN"]
        if (
            len(flags) == 2
            and flags[0].data.item == flags[1].data.item
            and flags[0].data.values != flags[1].data.values
        ):
            place = self.slots.chunks.index(flags[0])
            groups = Groups((Dimension(name=flags[0].data.item.full_name),))
            self.slots.chunks[place] = flags[0].made("GROUP", groups, flags[1])
            self.slots.chunks.remove(flags[1])

    def _windows(self, changed: bool, *, year_ago: bool, periods: Sequence[Chunk]) -> tuple[Window, ...] | None:
        """Return the two windows that a comparison is of, the earlier first."""
        given = [one.data for one in self.slots.chunks if one.kind == "TIME"]
        if len(given) == 2:
            first, second = sorted(given, key=lambda one: (one.start is None, one.start))
            return first, second
        if len(given) != 1:
            return None
        window: Window = given[0]
        if window.ends and changed:
            return window.ends
        if self.slots.has("GROUP", "GRAIN", "TREND") and not year_ago and not any(one.data == "" for one in periods):
            return None
        if year_ago and window.start and window.end:
            return window.year_before(), window
        back = self.slots.take("BEFORE")
        if back or any(one.data == "" for one in periods) or (changed and not periods and window.start and window.end):
            return window.moved(-1), window
        return None

    def _changes(self, change: Sequence[Chunk], periods: Sequence[Chunk]) -> Frame:
        """Month over month: the change from each period to the next."""
        grain = next((one.data for one in periods if one.data), None)
        if grain:
            self.slots.chunks.append(Chunk("GRAIN", grain, 10**6, 10**6, f"by {grain}"))
        elif not self.slots.has("GROUP", "GRAIN", "TREND"):
            raise NotUnderstood(change[0].text, "missing_period")
        frame = self._plain()
        if not any(one.grain for one in frame.groups):
            raise NotUnderstood(change[0].text if change else periods[0].text, "missing_period")
        return frame.model_copy(update={"show": "change_pct"})

    def _two_values(self, show: str) -> Frame:
        """Groups side by side, their difference or their ratio."""
        slots = self.slots
        lists = [one for one in slots.chunks if one.kind == "VALUE" and len(self._distinct(one)) > 1]
        if not lists:
            relative = any("relative to" in one.text.casefold() for one in slots.chunks if one.kind == "VS")
            if show == "ratio" or (relative and len([one for one in slots.chunks if one.kind == "MEASURE"]) == 2):
                return self._ratio()
            if show == "both":
                self._refuse_field_beside()
                slots.take("VS", "TO")
                return self._plain()
            raise NotUnderstood("the difference between what")
        listed = lists[0]
        item = listed.data.item
        if show == "both":
            slots.take("VS", "TO", "OP")
            after = [
                one
                for one in slots.chunks
                if one.kind in ("GROUP", "FIELD") and one.kind == "FIELD" and one.data == item
            ]
            for one in after:
                slots.chunks.remove(one)
            slots.chunks.append(
                Chunk("GROUP", Groups((Dimension(name=item.full_name),)), listed.first, listed.last, "by")
            )
            return self._plain()
        parts = self._distinct(listed)
        if len(parts) != 2:
            raise NotUnderstood(listed.text)
        slots.chunks.remove(listed)
        slots.take("VS", "TO", "BETWEEN")
        frame = self._plain()
        filters = tuple(_values_filter(item, values) for values in parts)
        return frame.model_copy(
            update={"comparison": Comparison(show=show, filters=filters, labels=tuple(values[0] for values in parts))}
        )

    def _refuse_field_beside(self) -> None:
        """Refuse a value set against a field: they are not of one kind."""
        chunks = self.slots.chunks
        for place, one in enumerate(chunks[1:-1], 1):
            around = (chunks[place - 1], chunks[place + 1])
            kinds = {other.kind for other in around}
            if one.kind == "VS" and "COND" in kinds and "FIELD" in kinds:
                raise NotUnderstood(one.text)

    def _distinct(self, chunk: Chunk) -> list[tuple[str, ...]]:
        """Return the values of a list, aliases of one value together."""
        return [(value,) for value in chunk.data.values]

    def _ratio(self) -> Frame:
        """The ratio of two measures."""
        slots = self.slots
        slots.take("TO", "VS", "BETWEEN", "AND")
        measures = [one for one in slots.chunks if one.kind in ("MEASURE", "COUNTED", "ENTITY")]
        if len(measures) != 2:
            raise NotUnderstood("the ratio of what to what")
        figures: list[Figure] = []
        for one in measures:
            slots.chunks.remove(one)
            found = count_of(self.lexicon, one.data) if one.kind == "ENTITY" else self._figure(one, ())
            if found is None:
                raise NotUnderstood(one.text)
            figures.append(found)
        groups, per = self._groups()
        if per is not None:
            raise NotUnderstood(per.text)
        formula: AskMeasure = Formula(op="ratio", left=figures[0].measure, right=figures[1].measure)
        subject = figures[0].table
        dated = self._dated(groups, subject)
        scope = build_scope(slots, subject, slots.take(*RESTRICTING))
        return Frame(kind="figures", subject=subject, measures=(formula,), groups=dated, **scope.as_parts())


class _Choice:
    """What is ranked, by what, and how many are wanted."""

    def __init__(
        self,
        targets: Sequence[Chunk],
        measures: Sequence[Chunk],
        words: Sequence[Chunk],
        adjective: Chunk | None,
        limit: int | None,
        offset: int,
        descending: bool,
        groups: tuple[Dimension, ...],
    ) -> None:
        self.targets = targets
        self.measures = measures
        self.words = words
        self.adjective = adjective
        self.limit = limit
        self.offset = offset
        self.descending = descending
        self.groups = groups


def _is_descending(words: Sequence[Chunk], good: Sequence[Chunk]) -> bool:
    """Return the direction that ranking words mean together: the bottom 5 of the highest is the lowest 5."""
    if good:
        return bool(good[0].data == "desc")
    directions = {one.data for one in words}
    return "asc" not in directions


def _grouping(item: Item) -> Dimension:
    return Dimension(name=item.full_name, grain="day" if item.kind == "time_dimension" else None)


def _values_filter(item: Item, values: Sequence[Any]) -> Filter:
    if len(values) == 1:
        return Condition(field=item.full_name, op="=", value=values[0])
    return Condition(field=item.full_name, op="in", values=tuple(values))
