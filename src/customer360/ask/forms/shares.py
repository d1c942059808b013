"""Shares of a total by group, and the percentage that a part is of a whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from customer360.ask.chunks import Chunk
from customer360.ask.forms.base import Form, main_table
from customer360.ask.frame import Frame
from customer360.ask.grammar import Figure, count_of
from customer360.ask.slots import RESTRICTING, NotUnderstood, build_scope
from customer360.semantic import Dimension


class Shares(Form):
    """A question about a share."""

    def build(self) -> Frame:
        """Return the frame."""
        return self._sorted(self._share())

    def _share(self) -> Frame:
        """A share of a total by group, or the percentage that a part is of a whole."""
        slots = self.slots
        slots.take("SHARE")
        distribution = bool(slots.take("DISTRIB"))
        measures = slots.take("MEASURE", "COUNTED", "COUNTEDFIELD")
        groups, per = self._groups()
        if per is not None or len(measures) > 1 or any(one.kind == "COUNTEDFIELD" for one in measures):
            raise NotUnderstood("share")
        whole, part = self._split(measures)
        entities, fields = [one.data for one in slots.take("ENTITY")], slots.take("FIELD")
        if fields and part:
            raise NotUnderstood(fields[0].text)
        groups = (*groups, *self._as_groups(fields))
        figure = self._shared(measures, entities, groups)
        self._require_related(figure.table, entities)
        dated = self._dated(groups, figure.table)
        self._require_groups(figure.table, dated)
        if not part and not distribution and not (dated and measures):
            whole, part = self._only_part(whole, grouped=bool(dated))
        if not part and not dated:
            raise NotUnderstood("of which whole", "ambiguous_share")
        return self._share_frame(figure, dated, whole, part)

    def _shared(self, measures: Sequence[Chunk], entities: Sequence[str], groups: Sequence[Dimension]) -> Figure:
        """Return what is shared out: a measure that adds up, or the number of rows."""
        if measures:
            figure = self._figure(measures[0], groups)
            if figure.agg not in ("", "sum"):
                raise NotUnderstood("share of " + figure.item.label)
            return figure
        table = entities[0] if entities else main_table(self.lexicon)
        found = count_of(self.lexicon, table)
        if found is None:
            raise NotUnderstood(table)
        return found if self._reaches_all(table, groups) else self._doers_in(table) or found

    def _only_part(self, whole: list[Chunk], *, grouped: bool) -> tuple[list[Chunk], list[Chunk]]:
        """Read conditions that no verb parts as those of the part; without groups only one of them can be."""
        conds = [one for one in whole if one.kind in ("COND", "VALUE", "HELD")]
        if not grouped and len(conds) != 1:
            raise NotUnderstood("of which whole", "ambiguous_share")
        if not conds:
            return whole, []
        return [one for one in whole if one.kind == "TIME"], [one for one in whole if one.kind != "TIME"]

    def _share_frame(
        self, figure: Figure, dated: tuple[Dimension, ...], whole: list[Chunk], part: list[Chunk]
    ) -> Frame:
        subject, is_doer = figure.table, figure.table in self._doers()
        if part and not is_doer:
            whole = [*whole, *(one for one in part if one.kind == "TIME")]
            part = [one for one in part if one.kind != "TIME"]
        scope = build_scope(self.slots, subject, [one for one in whole if one.kind != "BUY" or is_doer])
        parts: dict[str, Any] = {"show": "share", "within": self._within if len(self._within) < len(dated) else ()}
        if part:
            inner = build_scope(self.slots, subject, [one for one in part if one.kind != "BUY" or is_doer])
            if inner.window is not None and inner.window_field:
                raise NotUnderstood(inner.window.label)
            if not inner.near and not inner.clauses:
                raise NotUnderstood("of which whole", "ambiguous_share")
            parts = {"part": tuple(inner.near), "part_clauses": tuple(inner.clauses)}
        measures = (figure.measure,)
        return Frame(kind="figures", subject=subject, measures=measures, groups=dated, **parts, **scope.as_parts())

    def _split(self, measures: Sequence[Chunk]) -> tuple[list[Chunk], list[Chunk]]:
        """Take the restricting chunks before and after the verb: of the whole, and of the part."""
        slots = self.slots
        places = [place for place, one in enumerate(slots.chunks) if one.kind in ("IS", "BUY", "NEVER", "OPEN", "WHO")]
        heads = measures or [one for one in slots.chunks if one.kind == "ENTITY"]
        head = heads[0].first if heads else -1
        verbs = [place for place in places if slots.chunks[place].first > head]
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
