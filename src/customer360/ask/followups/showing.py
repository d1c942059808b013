"""The same beside something else, as shares, in another order, counted or listed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from customer360.ask.chunks import Chunk
from customer360.ask.dates import Window
from customer360.ask.followups.numbers import Numbers
from customer360.ask.frame import Comparison, Frame, fields_of
from customer360.ask.grammar.figures import count_of
from customer360.ask.grammar.terms import as_cond, sorting_of
from customer360.ask.lexicon import is_numeric, table_extension
from customer360.ask.ordering import RANKED_BY_PERCENT, is_percent, sort_frame
from customer360.ask.slots import NotUnderstood
from customer360.semantic import Condition, Dimension


class Showing(Numbers):
    """Changes how the answer is shown."""

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
        """Show which percentage of a value's rows are counted: what percentage of the segment, of Texans is that?"""
        frame, slots = self.frame, self.slots
        count = count_of(self.lexicon, frame.subject)
        counted = count is not None and frame.measures == (count.measure,) and not (frame.groups or frame.part)
        fields = [one for one in slots.chunks if one.kind == "FIELD" and not is_numeric(one.data)]
        held = [one for one in slots.chunks if one.kind in ("VALUE", "COND") and as_cond(one).filter in frame.filters]
        named = held or (fields if self.refers else [])
        if not slots.has("SHARE") or not counted or len(named) != 1:
            return
        of = {as_cond(one).item.full_name for one in held} or {fields[0].data.full_name}
        whole = tuple(tree for tree in frame.filters if fields_of(tree) == of)
        part = tuple(tree for tree in frame.filters if tree not in whole)
        if not whole or not (part or frame.clauses):
            raise NotUnderstood(named[0].text, "ambiguous_share")
        slots.take("SHARE", "ITEM", "ENTITY")
        slots.chunks.remove(named[0])
        self._set(part=part, part_clauses=frame.clauses, filters=whole, clauses=())

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

    def _in_money(self) -> None:
        """Rank by the amount of a change, and not by its percentage."""
        rank, comparison = self.frame.rank, self.frame.comparison
        if not self.slots.in_money or rank is None:
            return
        if is_percent(self.lexicon, rank.by):
            raise NotUnderstood("in dollars")
        if comparison is not None and comparison.windows:
            told = tuple(one for one in self.frame.assumptions if one != RANKED_BY_PERCENT)
            self._set(rank=rank.model_copy(update={"by": "difference"}), assumptions=told)

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
