"""Reads "of the top 100 customers by lifetime value" as who is meant, where a figure of them is asked for."""

from __future__ import annotations

import re
from collections.abc import Sequence

from customer360.ask.chunks import Chunk, rule
from customer360.ask.forms.base import Form
from customer360.ask.frame import all_of, within
from customer360.ask.grammar.figures import count_of, figure_of
from customer360.ask.grammar.terms import Cond, Figure, Groups, as_cond
from customer360.ask.lexicon import is_numeric
from customer360.ask.slots import NotUnderstood, top_of
from customer360.semantic import Among, Dimension, Filter, Item, Measure


def _pattern(kinds: str) -> re.Pattern[str]:
    return rule(kinds, lambda *_: None).pattern


_KEPT = "(?:VALUE|COND|IS|IN|FROM)"
_SO_MANY = "(?:NUM (?:TOP|SUP)|(?:TOP|SUP) NUM)"
_ROWS = (
    _pattern(f"{_SO_MANY} (?:{_KEPT} )*ENTITY (?:{_KEPT} )*(?:BY|IN) (?:FIELD|MEASURE)(?: TIME)?"),
    _pattern(f"{_SO_MANY} (?:FIELD|MEASURE) (?:{_KEPT} )*ENTITY"),
    _pattern(f"NUM (?:FROM )?(?:{_KEPT} )*ENTITY (?:WHO |IS )*SUP (?:FIELD|MEASURE)"),
    _pattern(f"NUM ADJ (?:{_KEPT} )*ENTITY"),
)
_GROUPS = (_pattern("TOP NUM FIELD(?: BY MEASURE)?"),)
_HIGHEST = (_pattern("AGG NUM (?:VALUE |COND )*SUP (?:VALUE |COND )*FIELD"),)
_ASKING = ("MEASURE", "COUNTED", "COUNT", "SHARE", "DISTRIB", "AGG")
_AGGREGATES = ("average", "avg", "mean", "median", "total", "sum", "combined", "number", "overall")
_LINKS = ("COMMA", "FROM", "IN")
_OVER_TIME = frozenset({"MEASURE", "GRAIN", "TREND", "GROUP", "TIME", "LIST", "WHAT", *_LINKS})
_OF_HIGHEST = frozenset({"VALUE", "COND", "TIME", "WHAT", "LIST", "IS", "TO", *_LINKS})


class OfTheFirst(Form):
    """Names the rows, or the groups, that come first as a condition, before the form of the question is chosen."""

    def apply(self) -> None:
        """Rewrite the chunks where a figure of the first is asked for, rather than those themselves."""
        for patterns, rewrite in ((_GROUPS, self._over_time), (_HIGHEST, self._of_highest), (_ROWS, self._of_rows)):
            found = self._find(patterns)
            if found is not None:
                first, last = found
                chunks = self.slots.chunks
                rewrite(chunks[:first], chunks[first:last], chunks[last:])

    def _find(self, patterns: Sequence[re.Pattern[str]]) -> tuple[int, int] | None:
        """Return where the phrase begins and ends."""
        line = "".join(f"{one.kind} " for one in self.slots.chunks)
        for pattern in patterns:
            match = pattern.search(line)
            if match is not None:
                return line.count(" ", 0, match.start()), line.count(" ", 0, match.end())
        return None

    def _over_time(self, before: list[Chunk], phrase: list[Chunk], after: list[Chunk]) -> None:
        """Read "monthly spend of the top 3 categories" as of those that come first in the whole time."""
        measures = [one for one in before if one.kind == "MEASURE"]
        is_over_time = any(one.kind in ("GRAIN", "TREND") or _has_grain(one) for one in before)
        item = next(one.data for one in phrase if one.kind == "FIELD")
        if len(measures) != 1 or not is_over_time or _kinds(before, after) - _OVER_TIME or is_numeric(item):
            return
        by = next((one for one in phrase if one.kind == "MEASURE"), measures[0]).data.measure
        by = by if isinstance(by, Measure) else Measure(metric=by)
        days = self._days((*before, *after), by)
        cond = self._first(item, phrase, by, days, lowest=phrase[0].data == "asc")
        group = phrase[0].made("GROUP", Groups((Dimension(name=item.full_name),)), *phrase)
        self.slots.chunks = [*before, group, cond, *after]

    def _of_highest(self, before: list[Chunk], phrase: list[Chunk], after: list[Chunk]) -> None:
        """Read "the average of the 10 highest amounts in Clothing" as of the rows that have them."""
        agg, item = phrase[0], phrase[-1].data
        figure = figure_of(self.lexicon, agg.data, item)
        if figure is None or _kinds(before, after) - _OF_HIGHEST:
            return
        by = Measure(agg="max", field=item.full_name)
        every = (*before, *phrase, *after)
        kept = [*_conditions(every), *self._days(every, by)]
        lowest = any(one.kind == "SUP" and one.data == "asc" for one in phrase)
        cond = self._first(self._key(item.table), phrase, by, kept, lowest=lowest)
        conds = [one for one in phrase if one.kind in ("VALUE", "COND")]
        self.slots.chunks = [*before, agg.made("MEASURE", figure, phrase[-1]), *conds, cond, *after]

    def _of_rows(self, before: list[Chunk], phrase: list[Chunk], after: list[Chunk]) -> None:
        """Read "the average age of the top 100 customers by lifetime value" as a figure of those."""
        if not self._asks_for_figure(before, phrase, after):
            return
        entity = next(one for one in phrase if one.kind == "ENTITY")
        by, lowest = self._ranked_by(phrase, entity.data)
        kept = [*_conditions(phrase), *self._days(phrase, by)]
        cond = self._first(self._key(entity.data), phrase, by, kept, lowest=lowest)
        asked = [one for one in (*before, *after) if one.kind not in _LINKS or one in after[1:]]
        self.slots.chunks = self._told(asked, cond, entity)

    def _asks_for_figure(self, before: Sequence[Chunk], phrase: Sequence[Chunk], after: Sequence[Chunk]) -> bool:
        """Tell whether something of the rows is asked for: their mean, number, share or distribution.

        A bare measure beside what is ranked by the same one only says what is ranked.
        """
        asking = [one for one in before if one.kind in _ASKING]
        asking += [one for one in after if one.kind in ("COUNT", "SHARE")]
        measures = [one for one in asking if one.kind == "MEASURE"]
        if len(measures) < len(asking) or not asking:
            return bool(asking)
        by = [one.data.measure for one in phrase if one.kind == "MEASURE"]
        grouped = any(one.kind in ("GROUP", "GRAIN", "TREND") for one in (*before, *after))
        if len(measures) > 1 or (not grouped and measures[0].data.measure in by):
            return False
        if not grouped and not measures[0].text.casefold().removeprefix("the ").startswith(_AGGREGATES):
            raise NotUnderstood(measures[0].text, "ambiguous_term")
        return True

    def _told(self, asked: Sequence[Chunk], cond: Chunk, entity: Chunk) -> list[Chunk]:
        """Return the question about the rows that a condition keeps."""
        count = next((one for one in asked if one.kind == "COUNT"), None)
        counted = count_of(self.lexicon, entity.data)
        if count is not None and counted is not None:
            number = count.made("COUNTED", (counted, entity.data, False), entity)
            return [cond, number, *(one for one in asked if one is not count)]
        if any(one.kind == "MEASURE" for one in asked):
            return [*asked, cond]
        shares = any(one.kind == "SHARE" for one in asked)
        return [cond, entity, *asked] if shares else [*asked, entity, cond]

    def _first(
        self, item: Item, phrase: Sequence[Chunk], by: Measure, kept: Sequence[Filter], *, lowest: bool
    ) -> Chunk:
        """Return the condition that a field has one of the values which a measure puts first."""
        among = top_of(*next(one.data for one in phrase if one.kind == "NUM"))
        tree = Among(field=item.full_name, among=among, by=by.model_copy(update={"where": all_of(kept)}), lowest=lowest)
        return phrase[0].made("COND", Cond(tree, item), *phrase[1:])

    def _key(self, table: str) -> Item:
        """Return what tells the rows of a table apart."""
        keys = self.model.tables[table].primary_key
        if len(keys) > 1:
            raise NotUnderstood(table)
        return next(one for one in self.model.items if one.full_name == f"{table}.{keys[0]}")

    def _ranked_by(self, phrase: Sequence[Chunk], table: str) -> tuple[Measure, bool]:
        """Return what rows of a table are ranked by, and whether the lowest come first."""
        rank = next(one for one in phrase if one.kind in ("TOP", "SUP", "ADJ"))
        if rank.kind == "ADJ":
            if not rank.data.superlative:
                raise NotUnderstood(rank.text)
            return self._value_of(rank.data.item, table), rank.data.op == "<"
        by = next(one for one in reversed(phrase) if one.kind in ("FIELD", "MEASURE"))
        lowest = rank.data == "asc"
        if by.kind == "FIELD":
            return self._value_of(by.data, table), lowest
        figure: Figure = by.data
        total = self.lexicon.totals.get(figure.measure) if isinstance(figure.measure, str) else None
        own, _ = self._aggregated_field(figure) if figure.table == table else (None, "")
        fine = any(one.kind == "TIME" for one in phrase) or self._has_fine(table, phrase, ())
        held = own or (None if fine else total)
        if held is not None:
            return self._value_of(held, table), lowest
        if figure.table == table:
            raise NotUnderstood(by.text)
        return figure.measure if isinstance(figure.measure, Measure) else Measure(metric=figure.measure), lowest

    def _value_of(self, item: Item, table: str) -> Measure:
        if not is_numeric(item) or not self.model.relations.reaches(table, item.table):
            raise NotUnderstood(item.label)
        return Measure(agg="max", field=item.full_name, over=None if item.table == table else table)

    def _days(self, chunks: Sequence[Chunk], by: Measure) -> list[Filter]:
        """Return the days that a ranking by what was done is of."""
        times = [one for one in chunks if one.kind == "TIME"]
        if not times:
            return []
        activity = self._activity()
        date = self._default_date(activity)
        named = (by.metric or by.field or "").rpartition(".")[0]
        if named != activity or date is None or len(times) > 1:
            raise NotUnderstood(times[0].text)
        return [within(date.full_name, times[0].data)]


def _kinds(*parts: Sequence[Chunk]) -> set[str]:
    return {one.kind for part in parts for one in part}


def _conditions(chunks: Sequence[Chunk]) -> list[Filter]:
    return [as_cond(one).filter for one in chunks if one.kind in ("VALUE", "COND")]


def _has_grain(chunk: Chunk) -> bool:
    return chunk.kind == "GROUP" and any(one.grain for one in chunk.data.dimensions)
