"""What a question implies without saying it: "how many" at its end, "on average", "under 30", "declining spend"."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise

from customer360.ask.chunks import Chunk
from customer360.ask.dates import Window
from customer360.ask.forms.base import Form, is_plural, leaves_out, main_table
from customer360.ask.frame import fields_of
from customer360.ask.grammar.figures import aggregated_item, count_of, figure_of
from customer360.ask.grammar.terms import (
    BARE_COMPARATIVES,
    Cmp,
    Cond,
    Figure,
    Groups,
    Held,
    as_cond,
    compare_filter,
    either,
    is_none_of,
)
from customer360.ask.lexicon import is_numeric, table_extension
from customer360.ask.ordering import is_aggregate_of, measure_named
from customer360.ask.slots import NotUnderstood
from customer360.semantic import Condition, Item

_AGAINST = ("VS", "COMPARE", "CHANGE", "PERIODS", "AND", "BUT", "OR", "TO", "TIME")
_MEASURED = ("MEASURE", "COUNTED", "COUNTEDFIELD")


def _says_the_same(agg: str, measured: Chunk) -> bool:
    """Tell whether an aggregate adds nothing to what is measured: the total number, the average rate."""
    if measured.kind != "MEASURE":
        return agg == "sum"
    figure: Figure = measured.data
    is_total = agg == "sum" and figure.item.unit in ("count", "currency") and not figure.agg
    return figure.agg == agg or is_total or (agg == "avg" and figure.item.unit in ("percent", "score"))


def _asks_how(one: Chunk) -> bool:
    """Tell whether "how do" asks for no comparison: how do they split across the segments."""
    return one.text.casefold().startswith("how do")


def _is_part_of_any_year(one: Chunk) -> bool:
    """Tell whether a window is a month or quarter of which the year was not said."""
    window: Window = one.data
    is_part = window.unit in ("month", "quarter") and not window.rolling and bool(window.start and window.end)
    return is_part and not re.search(r"\d{4}|\b(?:last|this|previous|prior|current|past)\b", one.text.casefold())


class Implied(Form):
    """Makes what is implied explicit, before the form is chosen."""

    def apply(self) -> None:
        """Rewrite the chunks."""
        slots = self.slots
        slots.asked = list(slots.chunks)
        asked = [one for one in slots.chunks if one.kind in ("WHICH", "WHO", "WHAT")]
        slots.listing = bool(slots.take("LIST")) or any(one.text.casefold() != "tell me" for one in asked)
        slots.assigned = slots.has("ASSIGNED")
        slots.opened = slots.assigned or slots.has("OPEN") or self._is_by_opening()
        if slots.listing:
            slots.chunks = [
                self._every(one) for one in slots.chunks if one.kind != "BY" or one.text.casefold() != "every"
            ]
        slots.take("WHAT")
        if slots.has("SHARE", "DISTRIB"):
            slots.chunks = [one for one in slots.chunks if one.kind != "COMPARE" or not _asks_how(one)]
        self._each_at_the_end()
        self._today_beside()
        self._in_that_year()
        self._said_twice()
        for step in (
            self._sort,
            self._only,
            self._how_much,
            self._where_and_who,
            self._how_long,
            self._when_opened,
            self._when_done,
            self._which_day,
            self._unheld,
            self._higher_of,
            self._own_average,
            self._average_person,
            self._asked_amounts,
            self._each_month,
            self._opened_alone,
            self._lone_count,
            self.settle_aggregate,
            self._lone_number,
            self._fallen,
        ):
            step()

    def _every(self, one: Chunk) -> Chunk:
        """Read "list the amount of every transaction" as of the transactions."""
        is_every = one.kind == "GROUP" and bool(one.data.table) and one.text.casefold().startswith("every")
        return one.made("ENTITY", one.data.table) if is_every else one

    def _is_by_opening(self) -> bool:
        """Tell whether the groups are of the day on which accounts were opened."""
        table = main_table(self.lexicon)
        opened = f"{table}.{table_extension(self.model, table).default_time_dimension}"
        groups = [group for one in self.slots.chunks if one.kind == "GROUP" for group in one.data.dimensions]
        return any(group.name == opened for group in groups)

    def _sort(self) -> None:
        """Take the order; what it is by stays where nothing else names it, as what is shown."""
        slots = self.slots
        found = next((one for one in slots.chunks if one.kind == "SORTING"), None)
        if found is None:
            return
        slots.sorting = found.data
        place = slots.chunks.index(found)
        after = [one.kind for one in slots.chunks[place + 1 : place + 3]]
        if after[:1] in (["AND"], ["COMMA"]) and after[-1] in ("FIELD", "MEASURE", "COUNTED"):
            raise NotUnderstood(slots.chunks[place + 2].text)
        slots.chunks.remove(found)
        self._limit_sorted(place)
        by = self._shown(found.data.by) if found.data.by else None
        if by is None:
            return
        ranks = slots.has("TOP", "SUP", "RECENT", "GOOD", "NTH") or self._superlative() is not None
        slots.chunks[place:place] = [Chunk("BY", "", by.first, by.first, "by"), by] if ranks else [by]

    def _limit_sorted(self, place: int) -> None:
        """Read "first 5" and "no more than 5" behind an order as how many rows are wanted."""
        chunks = self.slots.chunks
        tail = [one for one in chunks[place:] if one.kind != "COMMA"]
        kinds = [one.kind for one in tail]
        if kinds == ["CMP"] and tail[0].data.op == "<=" and not tail[0].data.unit:
            chunks[chunks.index(tail[0])] = tail[0].made("NUM", (tail[0].data.values[0], ""))
        elif kinds == ["RECENT", "NUM"] and tail[0].text.casefold().endswith("first"):
            chunks.remove(tail[0])

    def _shown(self, by: Chunk) -> Chunk | None:
        """Return what an order is by where it has to be shown for it: rows hold the total of a measure."""
        figure = measure_named(self.lexicon, by)
        measures = [measure_named(self.lexicon, one) for one in self.slots.chunks if one.kind in _MEASURED]
        rows = self.slots.has("ENTITY") and not measures and not self.slots.has("GROUP", "GRAIN", "TREND", "FIELD")
        if by.kind == "FIELD":
            return None if self._is_named(by.data) else by
        if by.kind == "GRAIN":
            return None if rows or self._is_dated() else by
        if figure is None or any(one is not None and one.measure == figure.measure for one in measures):
            return None
        if any(one.kind == "HELD" and one.data.figure.measure == figure.measure for one in self.slots.chunks):
            return None
        if rows:
            total = self.lexicon.totals.get(figure.measure) if isinstance(figure.measure, str) else None
            if total is None or self.slots.has("TIME"):
                raise NotUnderstood(by.text)
            return None
        return by.made("COUNTED", (figure, by.data, False)) if by.kind == "ENTITY" else by

    def _is_dated(self) -> bool:
        """Tell whether the answer is grouped by a date."""
        groups = [one.data.dimensions for one in self.slots.chunks if one.kind == "GROUP"]
        return self.slots.has("GRAIN", "TREND") or any(one.grain for dimensions in groups for one in dimensions)

    def _is_named(self, item: Item) -> bool:
        """Tell whether something beside the order names a field, or an aggregate of it."""
        for one in self.slots.chunks:
            figure = measure_named(self.lexicon, one) if one.kind in _MEASURED else None
            if figure is not None and is_aggregate_of(self.lexicon, figure.measure, item):
                return True
            if one.kind == "GROUP" and any(group.name == item.full_name for group in one.data.dimensions):
                return True
            if one.kind in ("COND", "VALUE") and item.full_name in fields_of(as_cond(one).filter):
                return True
            if one.kind == "FIELD" and one.data == item:
                return True
        return False

    def _each_at_the_end(self) -> None:
        """Leave out "in each" at the end: what is meant was named before."""
        chunks = self.slots.chunks
        ends = [one for one in chunks if one.kind != "COMMA"][-2:]
        if [one.kind for one in ends] == ["BY", "BINS"] and any(one.kind == "GROUP" for one in chunks):
            chunks.remove(ends[-1])
        last = max((one for one in chunks if one.kind != "COMMA"), key=lambda one: one.last, default=None)
        if (
            last is not None
            and last.kind == "BY"
            and last.text.casefold() in ("in each", "for each", "of each", "each")
        ):
            chunks.remove(last)

    def _today_beside(self) -> None:
        """Leave out "today" beside another time: what is known of customers is known as of today anyway."""
        times = [one for one in self.slots.chunks if one.kind == "TIME"]
        said = [one for one in times if one.text.casefold() in ("today", "as of today")]
        if len(times) == 2 and len(said) == 1:
            self.slots.chunks.remove(said[0])

    def _in_that_year(self) -> None:
        """Read "Q3 revenue last year" as of that year's third quarter."""
        chunks = self.slots.chunks
        for year in [one for one in chunks if one.kind == "TIME" and one.data.unit == "year" and one.data.count == 1]:
            parts = [one for one in chunks if one.kind == "TIME" and _is_part_of_any_year(one)]
            near = [one for one in parts if not self._are_compared(one, year)]
            if len(near) == 1 and not year.data.rolling and year.data.start:
                chunks[chunks.index(near[0])] = near[0].made("TIME", near[0].data.in_year(year.data.start.year), year)
                chunks.remove(year)

    def _said_twice(self) -> None:
        """Leave out the name of a date that a verb says, and the unit that a number has anyway."""
        chunks = self.slots.chunks
        opened = self._default_date(main_table(self.lexicon))
        for place, one in enumerate(chunks[1:], 1):
            before = [each for each in chunks[:place] if each.kind != "COMMA"][-1:]
            is_date = one.kind == "FIELD" and one.data == opened and self.slots.has("OPEN") and self.slots.has("TIME")
            said = before[0].data if before and before[0].kind in ("FIELD", "MEASURE") else None
            item = said.item if isinstance(said, Figure) else said
            is_unit = one.kind == "UNITWORD" and item is not None and item.unit == f"{one.data}s"
            if is_unit or (is_date and self.slots.has("COUNTED", "MEASURE")):
                chunks.remove(one)
                return

    def _are_compared(self, one: Chunk, other: Chunk) -> bool:
        """Tell whether something between two chunks sets them against each other."""
        first, last = sorted((one.first, other.first))
        return any(first < each.first < last for each in self.slots.asked if each.kind in _AGAINST)

    def _only(self) -> None:
        """Read "who shopped only online" as shopping online and nowhere else; elsewhere "only" adds nothing."""
        chunks = self.slots.chunks
        people = main_table(self.lexicon)
        for place, one in enumerate(chunks):
            if one.kind != "JUST":
                continue
            near = [
                each
                for each in (*chunks[place + 1 : place + 3], *chunks[max(place - 1, 0) : place])
                if each.kind == "VALUE"
            ]
            if near and not self.model.relations.reaches(people, near[0].data.item.table):
                chunks[chunks.index(near[0])] = near[0].made("COND", replace(as_cond(near[0]), only=True))
        self.slots.take("JUST")

    def _higher_of(self) -> None:
        """Read "which card type has the higher average amount" as asking for the highest of them."""
        chunks = self.slots.chunks
        groups = [one for one in chunks if one.kind == "FIELD" and not is_numeric(one.data)]
        if not self.slots.has("WHICH") or len(groups) != 1 or self.slots.has("VS", "CMP", "NUM", "COMPARE"):
            return
        for place, (one, after) in enumerate(pairwise(chunks)):
            is_bare = one.kind == "OP" and one.text.casefold() in BARE_COMPARATIVES
            if is_bare and after.kind in _MEASURED and groups[0].last <= one.first:
                chunks[place] = one.made("SUP", "asc" if one.data == "<" else "desc")
                return

    def _where_and_who(self) -> None:
        """Read "where" as the field of places and "who" as the rows that do things."""
        slots = self.slots
        if slots.has("WHERE") and slots.asked[0].kind != "WHERE":
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
        who = next((one for one in slots.chunks if one.kind == "WHO" and one.text.casefold() != "whose"), None)
        others = [one for one in slots.chunks if one.kind in ("ENTITY", "COUNTED")]
        often = slots.has("SUP") and [one.data for one in others] == [self._activity()]
        if who is not None and (not others or often):
            slots.chunks.remove(who)
            slots.chunks.insert(0, Chunk("ENTITY", main_table(self.lexicon), who.first, who.last, who.text))

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
        figure = (
            figure_of(self.lexicon, "sum", fields[0].data)
            if len(fields) == 1 and self.lexicon.extensions[fields[0].data.full_name].days_of
            else None
        )
        if figure is not None:
            slots.chunks[slots.chunks.index(fields[0])] = fields[0].made("MEASURE", figure)
        elif not self._sum_of_rows(asked):
            raise NotUnderstood(asked.text)

    def _is_of_one(self, asked: Chunk) -> bool:
        """Tell whether the amount is that of a row which a superlative names: the amount of the third largest."""
        after = [one for one in self.slots.chunks if one.first >= asked.last]
        entity = next((one for one in after if one.kind == "ENTITY"), None)
        sized = entity is not None and bool(table_extension(self.model, entity.data).size_field)
        return sized and bool(after) and after[0].kind in ("SUP", "NTH", "NTHNUM", "RECENT")

    def _sum_of_rows(self, asked: Chunk) -> bool:
        """Read "the amount of declined transactions" and "how much was declined" by size, or by number."""
        chunks = self.slots.chunks
        named = [one for one in chunks if one.kind == "ENTITY"]
        of = named or [one for one in chunks if one.kind in ("VALUE", "COND")]
        if len(of) != 1 or any(one.kind in ("FIELD", "MEASURE", "COUNTED") for one in chunks):
            return False
        table = of[0].data if named else as_cond(of[0]).item.table
        size = table_extension(self.model, table).size_field
        item = next((one for one in self.model.items if one.full_name == f"{table}.{size}"), None)
        figure = figure_of(self.lexicon, "sum", item) if item is not None else None
        figure = figure or (count_of(self.lexicon, table) if named else None)
        if figure is None:
            return False
        if named:
            chunks.remove(of[0])
        chunks.insert(0, asked.made("MEASURE", figure, *named))
        return True

    def _how_long(self) -> None:
        """Read "how long have they been with us" as the mean of the field that holds it."""
        slots = self.slots
        if not slots.has("HOWLONG") or not slots.has("TENURE"):
            return
        asked, _ = slots.take("HOWLONG")[0], slots.take("TENURE")
        months = (one for one in self.model.items if one.unit == "months" and one.kind == "fact")
        item = next((one for one in months if self.lexicon.extensions[one.full_name].asked), None)
        figure = figure_of(self.lexicon, "avg", item) if item is not None else None
        if figure is None:
            raise NotUnderstood(asked.text)
        slots.chunks.append(asked.made("MEASURE", figure))

    def _when_opened(self) -> None:
        """Read "when did … open their account" as asking for that date."""
        slots = self.slots
        if not slots.has("WHEN") or not slots.has("OPEN"):
            return
        slots.take("WHEN")
        opened = slots.take("OPEN")[0]
        item = self._default_date(main_table(self.lexicon))
        if item is None:
            raise NotUnderstood(opened.text)
        slots.chunks.append(opened.made("FIELD", item))

    def _when_done(self) -> None:
        """Read "when did … last buy" as asking for the date of the last that was done."""
        slots = self.slots
        recent = next((one for one in slots.chunks if one.kind == "RECENT"), None)
        things = [one for one in slots.chunks if one.kind == "ENTITY" and one.data == self._activity()]
        is_named = recent is not None and any(one.first == recent.last for one in things)
        if recent is None or not slots.has("WHEN") or not (slots.has("BUY") or (things and not is_named)):
            return
        if len(things) == 1 and recent.last <= things[0].first:
            slots.take("BUY")  # on which date did the earliest of some take place: that row
            return
        keyed = any(one.kind in ("VALUE", "COND") and self._is_key(as_cond(one)) for one in slots.chunks)
        if not keyed and not slots.has("GROUP"):
            raise NotUnderstood("when who did", "missing_slots")
        slots.chunks = [one for one in slots.chunks if one not in things]
        item = self._default_date(self._activity())
        figure = figure_of(self.lexicon, "max" if recent.data == "desc" else "min", item) if item else None
        if figure is None:
            raise NotUnderstood(recent.text)
        slots.chunks[slots.chunks.index(recent)] = recent.made("MEASURE", figure)
        slots.take("WHEN", "BUY")

    def _which_day(self) -> None:
        """Read "on which date" as asking for the day that has the most, or a measure that fits."""
        slots = self.slots
        when = next((one for one in slots.chunks if one.kind == "WHEN"), None)
        ranks = slots.has("SUP", "TOP", "GOOD", "HELD") or self._superlative() is not None
        if when is not None and ranks and any(word in when.text.casefold() for word in ("day", "date")):
            slots.chunks[slots.chunks.index(when)] = when.made("UNITWORD", "day")

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
        size = table_extension(self.model, data.figure.table).size_field
        item = next((one for one in self.model.items if one.full_name == f"{data.figure.table}.{size}"), None)
        counts = count_of(self.lexicon, data.figure.table)
        if item is None or counts is None or data.figure.measure != counts.measure or data.filters or data.average:
            return [held]
        cond = Cond(compare_filter(item, data.op, [float(value) for value in data.values]), item)
        return [held.made("MEASURE", counts), held.made("COND", cond)]

    def _own_average(self) -> None:
        """Hold Texans against the average Texan, because all that are asked for share that value."""
        chunks = self.slots.chunks
        values = [one.data for one in chunks if one.kind == "VALUE"]
        for place, one in enumerate(chunks):
            if one.kind == "BENCHMARK" and one.data is not None and one.data[1] in values:
                chunks[place] = one.made("COND", one.data[0])

    def _average_person(self) -> None:
        """Read "what did the average customer spend" as the spend per customer."""
        chunks, people = self.slots.chunks, main_table(self.lexicon)
        doers = self._doers_in(people)
        for place, one in enumerate(chunks[:-1]):
            if one.kind != "AGG" or one.data != "avg":
                continue
            after = next((each for each in chunks[place + 1 :] if each.kind not in ("VALUE", "COND", "BUY")), None)
            measured = [each for each in chunks if each.kind == "MEASURE" and each is not after]
            is_doer = after is not None and after.kind == "MEASURE" and doers and after.data.measure == doers.measure
            is_person = after is not None and after.kind == "ENTITY" and after.data == people and not is_plural(after)
            if after is None or len(measured) != 1 or measured[0].first < after.first or not (is_doer or is_person):
                continue
            chunks[chunks.index(after)] = after.made("GROUP", Groups((), people))
            chunks.remove(one)
            return

    def _each_month(self) -> None:
        """Read "how much do retired customers spend per month on average" as the mean that the profile holds."""
        slots = self.slots
        measures = [one for one in slots.chunks if one.kind == "MEASURE"]
        grains = [one for one in slots.chunks if one.kind == "GRAIN" and one.data == "month"]
        aggs = [one for one in slots.chunks if one.kind == "AGG" and one.data == "avg"]
        if len(measures) != 1 or len(grains) != 1 or slots.has("TIME"):
            return
        if aggs and measures[0].data.agg not in ("", "avg"):
            return
        figure: Figure = measures[0].data
        metric = figure.of.full_name if figure.of else figure.measure
        name = next((name for name, one in self.lexicon.extensions.items() if one.per_month_of == metric), None)
        item = next((one for one in self.model.items if one.full_name == name), None)
        if item is None or not (aggs or figure.agg == "avg") or not self._only_about(item.table):
            return
        found = figure_of(self.lexicon, "avg", item)
        if found is not None:
            slots.chunks[slots.chunks.index(measures[0])] = measures[0].made("MEASURE", found)
            slots.chunks = [one for one in slots.chunks if one not in (*grains, *aggs)]

    def _only_about(self, table: str) -> bool:
        """Tell whether something restricts the rows of a table, and nothing anything finer."""
        chunks = self.slots.chunks
        conds = [as_cond(one).item.table for one in chunks if one.kind in ("VALUE", "COND")]
        groups = [
            one.name.rpartition(".")[0] for chunk in chunks if chunk.kind == "GROUP" for one in chunk.data.dimensions
        ]
        people = any(one.kind == "ENTITY" and one.data == table for one in chunks)
        near = all(self.model.relations.reaches(table, name) for name in (*conds, *groups))
        return near and (people or bool(conds) or bool(groups))

    def _opened_alone(self) -> None:
        """Read "accounts opened" as saying whose accounts they are."""
        slots = self.slots
        opened = [one for one in slots.chunks if one.kind == "OPEN"]
        is_listed = bool(opened) and slots.has("RECENT") and "account" in opened[0].text.casefold()
        named = slots.has("ENTITY", "COUNTED", "MEASURE", "COUNTEDFIELD") or (slots.has("FIELD") and not is_listed)
        if opened and not named:
            place, one = slots.chunks.index(opened[0]), opened[0]
            account = Chunk("ENTITY", main_table(self.lexicon), one.first, one.first, one.text)
            slots.chunks[place : place + 1] = [account] if is_listed else [account, one]

    def _lone_count(self) -> None:
        """Read "…, how many?" at the end as counting what was named before."""
        slots = self.slots
        if not slots.has("COUNT") or (slots.has("UNITWORD") and slots.has("HELD")):
            return
        count = slots.take("COUNT")[0]
        if slots.has("MEASURE", "COUNTED", "COUNTEDFIELD"):
            return
        if slots.has("AGG") and count.text.casefold().startswith(("how large", "how big")):
            return
        thing = next((one for one in slots.chunks if one.kind == "ENTITY"), None)
        field = next((one for one in slots.chunks if one.kind == "FIELD" and not is_numeric(one.data)), None)
        if thing is None and field is not None:
            slots.chunks[slots.chunks.index(field)] = field.made(
                "COUNTEDFIELD", (figure_of(self.lexicon, "count_distinct", field.data), field.data), count
            )
        elif thing is None and not slots.has("VALUE", "COND", "HELD", "OPEN"):
            raise NotUnderstood(count.text, "missing_slots")
        else:
            self._count_rows_of(thing, count)

    def _count_rows_of(self, thing: Chunk | None, count: Chunk) -> None:
        """Count the rows that are named, else those that do things."""
        chunks = self.slots.chunks
        table = thing.data if thing else self._counted_table()
        found = count_of(self.lexicon, table)
        if found is None:
            raise NotUnderstood(count.text)
        counted = (thing or count).made("COUNTED", (found, table, False))
        if thing:
            chunks[chunks.index(thing)] = counted
        else:
            chunks.append(counted)

    def _counted_table(self) -> str:
        """Return what is counted where nothing is named: those who do things, or what they did of which status."""
        named = [as_cond(one).item.table for one in self.slots.chunks if one.kind in ("VALUE", "COND")]
        activity = self._activity()
        return (
            activity if named and activity in named and not self.slots.has("OPEN", "HELD") else main_table(self.lexicon)
        )

    def settle_aggregate(self) -> None:
        """Read "on average", "in total" and their like, wherever they stand, as said of the one thing measured."""
        slots = self.slots
        aggs = [one for one in slots.chunks if one.kind == "AGG"]
        if len(aggs) != 1:
            return
        measures = [one for one in slots.chunks if one.kind in ("MEASURE", "COUNTED", "COUNTEDFIELD")]
        if measures:
            if len(measures) == 1 and _says_the_same(aggs[0].data, measures[0]):
                slots.chunks.remove(aggs[0])
            return
        total_of_held = aggs[0].data == "sum" and slots.has("HELD")
        if total_of_held or (aggs[0].data == "avg" and self._superlative() is not None):
            slots.chunks.remove(aggs[0])
        else:
            self._aggregate(aggs[0])

    def _aggregate(self, agg: Chunk) -> None:
        """Aggregate the one number that is named, or what makes a row large: the average transaction."""
        slots = self.slots
        fields = [one for one in slots.chunks if one.kind == "FIELD" and is_numeric(one.data)]
        if len(fields) != 1:
            self._aggregate_of_rows(agg)
            return
        found = figure_of(self.lexicon, agg.data, fields[0].data)
        if found is not None:
            slots.chunks.remove(agg)
            slots.chunks[slots.chunks.index(fields[0])] = fields[0].made("MEASURE", found)

    def _count(self, thing: Chunk) -> None:
        """Read total transactions as how many there are."""
        found = count_of(self.lexicon, thing.data)
        if found is None:
            raise NotUnderstood(thing.text)
        self.slots.chunks[self.slots.chunks.index(thing)] = thing.made("COUNTED", (found, thing.data, False))

    def _aggregate_of_rows(self, agg: Chunk) -> None:
        """Read "the average transaction" as the average of what makes one large."""
        slots = self.slots
        for one in slots.chunks:
            if one.kind == "ENTITY" and "total" in agg.text.casefold() and "amount" not in agg.text.casefold():
                slots.chunks.remove(agg)
                self._count(one)
                return
            if one.kind == "ENTITY" and agg.data == "avg" and slots.has("GRAIN") and is_plural(one):
                self._count(one)
                return
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
        lone = [one for one in slots.chunks if one.kind in ("CMP", "CMPOR")]
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
        bounds = lone[0].data if lone[0].kind == "CMPOR" else (lone[0].data,)
        if any(cmp.unit or not all(16 <= value <= 110 for value in cmp.values) for cmp in bounds):
            return
        slots.assume(f"“{lone[0].text}” is meant as years of age.")
        place, cmp = slots.chunks.index(lone[0]), bounds[0]
        cond = either(age, bounds) if len(bounds) > 1 else Cond(compare_filter(age, cmp.op, cmp.values), age)
        slots.chunks[place] = lone[0].made("COND", cond)

    def _fallen(self) -> None:
        """Read "customers whose spend dropped by 30 %" as a condition on the change that the profile holds."""
        slots = self.slots
        table = main_table(self.lexicon)
        counts = count_of(self.lexicon, table)
        counted = [
            one for one in slots.chunks if one.kind == "MEASURE" and counts and one.data.measure == counts.measure
        ]
        people = bool(counted) or any(
            (one.kind == "ENTITY" and one.data == table) or (one.kind == "COUNTED" and one.data[1] == table)
            for one in slots.chunks
        )
        self._unneeded_period()
        self._changing_spend()
        self._declining_spend(people=people)
        measures = [one for one in slots.chunks if one.kind == "MEASURE" and one not in counted]
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
