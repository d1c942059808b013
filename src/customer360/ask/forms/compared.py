"""Two windows of time, two values or two measures set against each other."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Literal

from sqlglot import exp

from customer360.ask.chunks import Chunk
from customer360.ask.dates import Window
from customer360.ask.forms.base import is_plural
from customer360.ask.forms.implied import Implied
from customer360.ask.forms.sides import Show, Sides
from customer360.ask.frame import AskMeasure, Comparison, Frame, Rank
from customer360.ask.grammar.figures import count_of, figure_of, size_of
from customer360.ask.grammar.terms import WHEN, Figure, Groups, value_filter
from customer360.ask.lexicon import date_of, is_numeric, table_extension
from customer360.ask.ordering import RANKED_BY_PERCENT
from customer360.ask.plan import column_names
from customer360.ask.slots import RESTRICTING, NotUnderstood, build_scope
from customer360.ask.words import stems_of
from customer360.semantic import AllOf, AnyOf, Condition, Dimension, Filter, Formula, Item, Relative

_IN_ABSOLUTE = ("gained", "gain", "gaining", "lost", "lose", "losing")
"""Verbs of change that are said of amounts: what lost the most spend did not lose the most percent."""


_BESIDE = ("IS", "ENTITY", "AND", "WHO", "WHICH", "ITEM", "BUY")
_LEADING = ("LIST", "WHAT", "TO", "WHICH", "VALUE", "COND", "COUNT", "DISTINCT", "COMMA")
"""What may stand before those who are sought."""
_RISES = re.compile(r"(?i)increas|grow|grew|rose|rise|rising|gain|up\b")


class Compared(Sides):
    """A question that compares."""

    _turned = False
    """Whether it asks how much less the first is than the second."""

    def build(self) -> Frame:
        """Return the frame."""
        self._refuse_half_flag()
        return self._sorted(self._compared())

    def _refuse_half_flag(self) -> None:
        """Refuse weekdays as the days of the week beside weekends: they are what weekends are not."""
        flags = {
            one.data.item for one in self.slots.chunks if one.kind == "COND" and one.data.item.data_type == "BOOLEAN"
        }
        for one in self.slots.chunks:
            entries = self.lexicon.entries.get(stems_of(one.text), ()) if one.kind == "FIELD" else ()
            if any(each.kind == "FLAG" and each.data.item in flags for each in entries):
                raise NotUnderstood(one.text)

    def _compared(self) -> Frame:
        """Two windows, two values or two measures set against each other."""
        slots = self.slots
        ratio, difference = slots.take("RATIO"), slots.take("DIFF")
        self._turned = any(one.data == "less" for one in difference)
        change, periods, year_ago = slots.take("CHANGE"), slots.take("PERIODS"), slots.take("YEARAGO")
        self._join_values()
        slots.take("COMPARE")
        if len([one for one in slots.chunks if one.kind == "TIME"]) == 2:
            self._drop_repeated()
        self._average_of_people()
        Implied(self.slots).settle_aggregate()
        ranks_periods = slots.has("UNITWORD") and slots.has("SUP", "TOP")
        windows = (
            None
            if ranks_periods
            else self._windows(
                bool(change or periods),
                bool(ratio or difference),
                year_ago=bool(year_ago or any(one.data == "year" for one in periods)),
                periods=periods,
            )
        )
        if change and windows is None and not periods and not slots.has("TIME") and self._are_two_values():
            return self._two_values("change")
        ranked = self._ranked_target()
        if ranked is not None:
            self._measure_growth()
        show: Show = (
            "ratio" if ratio else "difference" if difference else "change" if change or periods or year_ago else "both"
        )
        if windows is not None:
            people = self._each_of_the_people()
            self._count_rows()
            in_absolute = ranked is not None and self._says_absolute()
            frame = self._of_windows(windows, "difference" if in_absolute else show, ranked)
            return self._numbered(frame, people)
        if ranked is not None:
            return self._most_changed(change, ranked)
        if change or periods:
            return self._changes(change, periods)
        return self._two_values(show)

    def _each_of_the_people(self) -> Chunk | None:
        """Take customers who did more in one window than in another as groups: it is each who is compared."""
        slots = self.slots
        people = [one for one in slots.chunks if self._table_of_people(one)]
        if len(people) != 1 or slots.has("GROUP", "GRAIN") or slots.opened:
            return None
        if any(one.first < people[0].first and one.kind not in _LEADING for one in slots.asked):
            return None  # "did customers spend more" asks for no customers
        if not slots.has("OP") and not (self._change_sought() and self._are_sought(people[0])):
            return None
        one, table = people[0], self._table_of_people(people[0])
        keys = self.model.tables[table].primary_key
        names = table_extension(self.model, table).row_fields if one.kind == "ENTITY" else keys
        groups = Groups(tuple(Dimension(name=f"{table}.{name}") for name in names))
        slots.chunks[slots.chunks.index(one)] = one.made("GROUP", groups)
        return one

    def _numbered(self, frame: Frame, people: Chunk | None) -> Frame:
        """Return how many people there are, where that is asked, and not who they are."""
        if people is None or people.kind == "ENTITY":
            return frame
        if frame.summary is not None:
            raise NotUnderstood(str(frame.summary))
        return frame.model_copy(update={"summary": "count"})

    def _of_windows(self, windows: tuple[Window, ...], show: Show, ranked: Rank | None) -> Frame:
        """A measure in two windows; of groups perhaps those alone where it was more, or less, in the later one."""
        more = [one for one in self.slots.chunks if one.kind == "OP" and one.data in ("<", ">")]
        opened = self.slots.opened and not self.slots.assigned
        windows = self._as_said(windows) if show == "ratio" else windows
        frame = self._plain_without(("TIME", "OPEN") if opened else ("TIME",))
        if frame.kind != "figures" or frame.rank:
            raise NotUnderstood("compared with what")
        if frame.subject in self._doers() and not opened:
            raise NotUnderstood(windows[0].label, "window_of_rows")
        parts: dict[str, Any] = {"rank": ranked} if ranked is not None else {}
        if ranked is not None and show == "difference":
            parts = {"rank": ranked.model_copy(update={"by": "difference"})}
        sought = self._sought_by_change(frame, ranked)
        if sought:
            parts |= {"having": (self._is_more("later", sought, "earlier", frame),)}
        if more and frame.groups:
            show = "difference"
            parts |= {"having": (self._is_more("later", more[0].data, "earlier", frame),)}
        parts |= {
            "comparison": Comparison(show=show, windows=windows),
            "window_field": date_of(self.model, frame.subject),
        }
        return frame.model_copy(update=parts)

    def _as_said(self, windows: tuple[Window, ...]) -> tuple[Window, ...]:
        """Return the windows of a ratio, the one above first: of 2025 to 2024, of 2025 to the year before."""
        said = tuple(one.data for one in self.slots.chunks if one.kind == "TIME")
        if set(said) == set(windows):
            return said
        return windows if len(said) == 1 and said[0].ends else windows[::-1]

    def _is_more(self, left: str, op: Literal["<", ">"], right: str, frame: Frame) -> Filter:
        """Return that a figure is above another, or below; a sum of nothing is below each that is above zero."""
        than = Relative(field=left, op=op, than=right)
        item = next((one for one in self.model.items if one.full_name == frame.measures[0]), None)
        if item is None or not isinstance(item.expression, exp.Sum):
            return than
        some, none = (left, right) if op == ">" else (right, left)
        alone = [Condition(field=none, op="is_null"), Condition(field=some, op=">", value=0)]
        return AnyOf.model_validate({"or": [than, AllOf.model_validate({"and": alone})]})

    def _sought_by_change(self, frame: Frame, ranked: Rank | None) -> Literal["<", ">"] | None:
        """Return how the later figure compares in the groups that are sought: which categories fell."""
        heads = [one for one in self.slots.asked if one.kind in ("ENTITY", "COUNTED")]
        is_sought = any(one.kind == "WHICH" for one in self.slots.asked) or any(map(self._are_sought, heads))
        return self._change_sought() if ranked is None and frame.groups and is_sought else None

    def _change_sought(self) -> Literal["<", ">"] | None:
        """Return in which direction something is said to have changed."""
        said = [one for one in self.slots.asked if one.kind == "CHANGE"]
        if any(one.data == "down" for one in said):
            return "<"
        return ">" if any(_RISES.search(one.text) for one in said) else None

    def _are_sought(self, people: Chunk) -> bool:
        """Tell whether people are sought by a change of theirs: which customers, customers who, how many customers."""
        beside = [one.kind for one in self.slots.asked if one.first in (people.last, people.last + 1)]
        is_led = any(one.kind == "WHICH" and one.last <= people.first for one in self.slots.asked)
        return people.kind != "ENTITY" or is_led or "WHO" in beside

    def _ranked_target(self) -> Rank | None:
        """Take what ranks groups by how much a measure changed: which category grew most; the groups stay."""
        slots = self.slots
        changes = [one for one in slots.asked if one.kind == "CHANGE"]
        fields = [
            one for one in slots.chunks if one.kind == "UNITWORD" or (one.kind == "FIELD" and not is_numeric(one.data))
        ]
        if not changes or len(fields) != 1 or not slots.has("SUP", "TOP") or slots.has("GRAIN", "TREND", "GROUP"):
            return None
        words = slots.take("SUP", "TOP")
        slots.take("BY")
        falls = any(one.data == "down" for one in changes)
        descending = ("asc" not in {one.data for one in words}) != falls
        number = self._count_wanted()
        several = fields[0]
        is_time = several.kind == "UNITWORD"
        name, grain = (WHEN, several.data) if is_time else (several.data.full_name, None)
        group = Groups((Dimension(name=name, grain=grain),))
        slots.chunks[slots.chunks.index(several)] = several.made("GROUP", group)
        if (
            not is_time
            and not self._says_absolute()
            and not any("percent" in one.text.casefold() for one in slots.asked)
        ):
            slots.assume(RANKED_BY_PERCENT)
        return Rank(by="*", descending=descending, limit=number or (10 if is_plural(several) else 1))

    def _average_of_people(self) -> None:
        """Read "compare the monthly spend of Premium and Standard customers" as of the mean of either."""
        chunks = self.slots.chunks
        fields = [one for one in chunks if one.kind == "FIELD" and is_numeric(one.data)]
        people = any(one.kind == "ENTITY" and one.data in self._doers() for one in chunks)
        if (
            len(fields) != 1
            or not people
            or self.slots.has("MEASURE", "COUNTED", "COUNTEDFIELD", "CHANGE", "SUP", "TOP")
        ):
            return
        figure = figure_of(self.lexicon, "avg", fields[0].data)
        if figure is not None:
            self.slots.assume(f"{fields[0].data.label} is shown as an average.")
            chunks[chunks.index(fields[0])] = fields[0].made("MEASURE", figure)

    def _measure_growth(self) -> None:
        """Read "which category grew most", where nothing says by what, as by what was spent."""
        item = size_of(self.lexicon, self._activity())
        figure = figure_of(self.lexicon, "sum", item) if item is not None else None
        if figure is None or self.slots.has("MEASURE", "COUNTED", "COUNTEDFIELD", "ENTITY", "FIELD"):
            return
        self.slots.assume(f"Growth is that of {figure.item.label.lower()}.")
        self.slots.chunks.append(Chunk("MEASURE", figure, 10**6, 10**6, figure.item.label))

    def _says_absolute(self) -> bool:
        """Tell whether a ranking by a change is by its amount: lost the most, fell by the most dollars."""
        said = [one.text.casefold() for one in self.slots.asked if one.kind in ("CHANGE", "SUP")]
        return self.slots.in_money or any(one in _IN_ABSOLUTE or "dollar" in one or "absolute" in one for one in said)

    def _plain_without(self, kinds: tuple[str, ...]) -> Frame:
        self.slots.take(*kinds)
        self.slots.take("FROM", "BETWEEN", "TO", "AND", "OP", "VS")
        return self._plain()

    def _join_values(self) -> None:
        """Join values of one field that "versus" or "to" parts, beside each other or not."""
        chunks = self.slots.chunks
        if self._join_flags():
            self._drop_repeated()
            self.slots.take("OP")
        self._join_measured()
        for one in list(chunks):
            if one not in chunks:
                continue
            place = chunks.index(one)
            after = next((other for other in chunks[place + 1 :] if other.kind not in _BESIDE), None)
            if one.kind in ("VS", "OP", "COMPARE") and after is not None and after.kind == "VALUE":
                before = next(
                    (other for other in chunks[:place] if other.kind == "VALUE" and other.data.item == after.data.item),
                    None,
                )
                if before is not None and not set(after.data.values) <= set(before.data.values):
                    values = tuple(dict.fromkeys((*before.data.values, *after.data.values)))
                    chunks[chunks.index(before)] = before.made(
                        "VALUE", type(before.data)(before.data.item, values), after
                    )
                    chunks.remove(after)
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

    def _join_measured(self) -> None:
        """Read "travel spend to grocery spend" as the spend of either."""
        chunks = self.slots.chunks
        for place in range(len(chunks) - 4):
            one, measure, link, other, again = chunks[place : place + 5]
            kinds = [each.kind for each in (one, measure, other, again)]
            is_pair = kinds in (["VALUE", "MEASURE"] * 2, ["VALUE", "ENTITY"] * 2)
            if not is_pair or link.kind not in ("TO", "VS", "AND"):
                continue
            if one.data.item == other.data.item and _is_same(measure, again):
                values = tuple(dict.fromkeys((*one.data.values, *other.data.values)))
                listed = one.made("VALUE", type(one.data)(one.data.item, values), link, other)
                chunks[place : place + 5] = [listed, measure]
                return

    def _windows(
        self, changed: bool, apart: bool, *, year_ago: bool, periods: Sequence[Chunk]
    ) -> tuple[Window, ...] | None:
        """Return the two windows that a comparison is of, the earlier first."""
        given = [one.data for one in self.slots.chunks if one.kind == "TIME"]
        if any(one.data not in ("", "year") for one in periods) and not self._are_two_periods(given, periods):
            return self._with_one_before(given, periods)
        apart = apart and not self._are_two_values()
        if len(given) != 1 or (given[0].ends and (changed or apart)):
            return _in_order(given) if len(given) == 2 else given[0].ends if given else None
        window: Window = given[0]
        split = self.slots.has("GROUP", "GRAIN", "TREND") and not self.slots.has("BEFORE")
        if split and not year_ago and not any(one.data == "" for one in periods):
            return None
        if year_ago and window.start and window.end:
            return window.year_before(), window
        back = self.slots.take("BEFORE")
        held = next((one for one in self.slots.asked if one.kind == "HELD"), None)
        if back and held is not None and held.last == back[0].first:
            raise NotUnderstood(held.text)  # who spent over 500 the month before: then, and not ever
        if back or any(one.data == "" for one in periods) or (changed and not periods and window.start and window.end):
            return window.moved(-1), window
        return None

    def _with_one_before(self, given: Sequence[Window], periods: Sequence[Chunk]) -> tuple[Window, Window] | None:
        """Return one period and the one before it: October against the previous month."""
        unit = next(one.data for one in periods if one.data)
        is_one = len(given) == 1 and given[0].unit == unit and given[0].count == 1 and not given[0].rolling
        return (given[0].moved(-1), given[0]) if is_one and not self.slots.has("GROUP", "GRAIN", "TREND") else None

    def _are_two_periods(self, given: Sequence[Window], periods: Sequence[Chunk]) -> bool:
        """Tell whether two windows are named that are of the unit from one to the next of which a change is asked."""
        ends = given[0].ends if len(given) == 1 else tuple(given)
        unit = next(one.data for one in periods if one.data)
        follows = ends is not None and len(ends) == 2 and ends[0].moved(1) == ends[1]
        return follows and all(one.unit == unit and one.count == 1 for one in ends or ())

    def _changes(self, change: Sequence[Chunk], periods: Sequence[Chunk]) -> Frame:
        """Month over month: the change from each period to the next."""
        grain = next((one.data for one in periods if one.data), None)
        each = [one for one in self.slots.chunks if one.kind in ("GRAIN", "GROUP") and "every" in one.text.casefold()]
        if each and self._change_sought() and any(one.kind in ("WHERE", "WHICH", "WHO") for one in self.slots.asked):
            raise NotUnderstood(each[0].text)  # what grew in every month is more than one change
        if grain:
            self.slots.chunks.append(Chunk("GRAIN", grain, 10**6, 10**6, f"by {grain}"))
        elif not self.slots.has("GROUP", "GRAIN", "TREND"):
            raise NotUnderstood((change or periods)[0].text, "missing_period")
        frame = self._plain()
        if not any(one.grain for one in frame.groups):
            raise NotUnderstood((change or periods)[0].text, "missing_period")
        return frame.model_copy(update={"show": "change_pct"})

    def _most_changed(self, change: Sequence[Chunk], ranked: Rank) -> Frame:
        """The period with the highest change to the one before it."""
        if not any(one.grain for chunk in self.slots.chunks if chunk.kind == "GROUP" for one in chunk.data.dimensions):
            raise NotUnderstood("the change from when to when", "missing_period")
        frame = self._changes(change, ())
        in_percent = any("percent" in one.text.casefold() for one in self.slots.asked)
        return frame.model_copy(update={"show": "change_pct" if in_percent else "change", "rank": ranked})

    def _two_values(self, show: Show) -> Frame:
        """Groups side by side, their difference or their ratio."""
        slots = self.slots
        against = self._against(show) or self._two_flags(show) or self._two_conditions(show)
        if against is not None:
            return against
        lists = [one for one in slots.chunks if one.kind == "VALUE" and len(self._distinct(one)) > 1]
        if not lists:
            relative = any("relative to" in one.text.casefold() for one in slots.chunks if one.kind == "VS")
            if show == "ratio" or (relative and len([one for one in slots.chunks if one.kind == "MEASURE"]) == 2):
                return self._ratio()
            if show == "both":
                self._refuse_field_beside()
                self._refuse_value_alone()
                slots.take("VS", "TO")
                return self._plain()
            raise NotUnderstood("the difference between what")
        listed = lists[0]
        item = listed.data.item
        if show == "both":
            return self._side_by_side(listed)
        parts = self._distinct(listed)[:: -1 if self._turned else 1]
        if len(parts) != 2:
            raise NotUnderstood(listed.text)
        slots.chunks.remove(listed)
        slots.take("VS", "TO", "BETWEEN", "OP")
        self._count_rows()
        frame = self._plain()
        if frame.kind != "figures":
            raise NotUnderstood(listed.text)
        filters = tuple(value_filter(item, values) for values in parts)
        return frame.model_copy(
            update={"comparison": Comparison(show=show, filters=filters, labels=tuple(values[0] for values in parts))}
        )

    def _side_by_side(self, listed: Chunk) -> Frame:
        """A measure for each of the values that were named, or the groups in which it is higher for one of them."""
        slots, item = self.slots, listed.data.item
        target = self._target_beside(item)
        if target is not None:
            by = Groups((Dimension(name=target.data.full_name),))
            slots.chunks[slots.chunks.index(target)] = target.made("GROUP", by)
            return self._groups_with_more(listed)
        people = None if self._is_of_people(item) else self._each_of_the_people()
        if people is not None:
            return self._numbered(self._groups_with_more(listed), people)
        slots.take("VS", "TO")
        more = slots.take("OP")
        for one in [one for one in slots.chunks if one.kind == "FIELD" and one.data == item]:
            slots.chunks.remove(one)
        by = Groups((Dimension(name=item.full_name),))
        slots.chunks.append(Chunk("GROUP", by, listed.first, listed.last, "by"))
        frame = self._plain()
        if not more or frame.kind != "figures":
            return frame
        return frame.model_copy(update={"rank": Rank(by="*", descending=more[0].data != "<")})

    def _target_beside(self, item: Item) -> Chunk | None:
        """Return the field whose values are sought by what is more of two others: segments with more A than B."""
        fields = [one for one in self.slots.chunks if one.kind == "FIELD" and not is_numeric(one.data)]
        is_sought = len(fields) == 1 and fields[0].data != item and self.slots.has("OP")
        return fields[0] if is_sought else None

    def _is_of_people(self, item: Item) -> bool:
        """Tell whether each customer has one value of a field, so that none can have more of one than of another."""
        return any(self.model.relations.reaches(name, item.table) for name in self._doers())

    def _groups_with_more(self, listed: Chunk) -> Frame:
        """Groups in which a measure is higher for one value than for another."""
        slots = self.slots
        parts = self._distinct(listed)
        op = slots.take("OP")[0].data
        if len(parts) != 2 or op not in (">", "<"):
            raise NotUnderstood(listed.text)
        slots.chunks.remove(listed)
        slots.take("VS", "TO", "BETWEEN")
        self._count_rows()
        frame = self._plain()
        labels = tuple(str(values[0]) for values in parts)
        filters = tuple(value_filter(listed.data.item, values) for values in parts)
        left, right = column_names(labels)
        return frame.model_copy(
            update={
                "comparison": Comparison(show="difference", filters=filters, labels=labels),
                "having": (*frame.having, self._is_more(left, op, right, frame)),
            }
        )

    def _refuse_value_alone(self) -> None:
        """Refuse to compare Texas, with nothing."""
        named = self.slots.has("MEASURE", "COUNTED", "COUNTEDFIELD", "FIELD", "GROUP", "GRAIN", "TREND")
        alone = any(one.kind == "VS" and after.kind in ("VALUE", "COND") for one, after in pairwise(self.slots.chunks))
        if alone or (self.slots.has("VALUE", "COND") and not named):
            raise NotUnderstood("compare it with what, and by which measure", "missing_slots")

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


def _is_same(one: Chunk, other: Chunk) -> bool:
    """Tell whether two chunks name the same measure or the same table."""
    return bool(one.data == other.data if one.kind == "ENTITY" else one.data.measure == other.data.measure)


def _in_order(given: Sequence[Window]) -> tuple[Window, Window]:
    """Return two windows, the earlier first; the same one twice is "the last 30 days versus the previous 30 days".

    Raises:
        NotUnderstood: one is a year and the other a month or quarter, as in "October versus last year".
    """
    first, second = sorted(given, key=lambda one: (one.start is None, one.start))
    unlike = {first.unit, second.unit} in ({"year", "month"}, {"year", "quarter"})
    inside = first.start and second.end and first.end and first != second and first.end >= second.end
    if (unlike and not (first.rolling or second.rolling)) or inside:
        raise NotUnderstood(first.label, "missing_period")
    return (first.moved(-1), second) if first == second and first.rolling else (first, second)
