"""Another window, more conditions, fewer, or another value of one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from customer360.ask.chunks import Chunk
from customer360.ask.followups.references import References
from customer360.ask.frame import Clause, fields_of
from customer360.ask.grammar.figures import added_up, count_of
from customer360.ask.grammar.terms import as_cond, value_filter
from customer360.ask.lexicon import table_extension
from customer360.ask.slots import NotUnderstood, build_scope
from customer360.semantic import Condition, Filter, Item


class Restricting(References):
    """Changes what restricts the frame."""

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
        is_done = self.slots.has("BUY")
        gone = [
            clause
            for clause in frame.clauses
            if self._replaced_clause(clause, scope.clauses) and not (is_done and _denies(clause))
        ]
        clauses = [clause for clause in frame.clauses if clause not in gone]
        if len(gone) == len(scope.clauses) == 1:
            scope.clauses = [scope.clauses[0].model_copy(update={"negated": gone[0].negated})]
        window = next((clause.window for clause in frame.clauses if clause.window and not _denies(clause)), None)
        new = [
            clause if clause.window or not window or clause in clauses else clause.model_copy(update={"window": window})
            for clause in scope.clauses
        ]
        having = (*frame.having, *scope.having)
        self._set(filters=(*kept, *scope.near), clauses=(*clauses, *new), having=having)

    def _share_of_them(self, taken: Sequence[Chunk]) -> bool:
        """Ask which percentage of what was counted, listed or added up is something else, too."""
        frame = self.frame
        count = count_of(self.lexicon, frame.subject)
        of_them = self.slots.has("SHARE") and (self._is_added_up() or frame.kind == "rows")
        grouped = {group.name for group in frame.groups}
        named = {as_cond(one).item.full_name for one in taken if one.kind in ("VALUE", "COND")}
        is_one_of_them = bool(named) and named == grouped
        if count is None or not of_them or not (is_one_of_them or self.slots.has("IS") or not grouped):
            return False
        if frame.rank and (grouped or frame.rank.limit):
            raise NotUnderstood("share", "ambiguous_share")
        scope = build_scope(self.slots, frame.subject, taken)
        if any(self._replaced(tree, scope.near) for tree in frame.filters) or scope.window:
            return False
        self.slots.take("SHARE", "ITEM", "ENTITY")
        measures = frame.measures if frame.kind == "figures" else (count.measure,)
        parts = {"part": tuple(scope.near), "part_clauses": tuple(scope.clauses), "measures": measures}
        self._set(kind="figures", fields=(), groups=() if is_one_of_them else frame.groups, **parts)
        return True

    def _is_added_up(self) -> bool:
        """Tell whether the last answer is one number or amount, of which there can be a part."""
        frame = self.frame
        if (
            len(frame.measures) != 1
            or frame.show != "value"
            or frame.part
            or frame.comparison
            or frame.summary
            or frame.having
        ):
            return False
        item = next((one for one in self.model.items if one.full_name == frame.measures[0]), None)
        return item is not None and (item.unit == "count" or added_up(self.lexicon, item) is not None)

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


def _denies(clause: Clause) -> bool:
    """Tell whether a clause says that something was not done, or no time."""
    return clause.negated or (clause.op == "=" and clause.values == (0,))


def _less(tree: Filter, values: Sequence[Any]) -> Filter | None:
    """Return a condition without some of the values that it allows; nothing where none is left or none was named."""
    if not values or not isinstance(tree, Condition) or tree.op != "in":
        return None
    left = tuple(value for value in tree.given() if value not in values)
    return tree.model_copy(update={"values": left}) if left and len(left) < len(tree.given()) else None
