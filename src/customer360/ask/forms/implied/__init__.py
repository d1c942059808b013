"""What a question implies without saying it: "how many" at its end, "on average", "under 30", "declining spend"."""

from __future__ import annotations

from customer360.ask.chunks import Chunk
from customer360.ask.forms.implied.changes import Changes

__all__ = ["Implied"]


class Implied(Changes):
    """Makes what is implied explicit, before the form is chosen."""

    def apply(self) -> None:
        """Rewrite the chunks."""
        slots = self.slots
        self._today_beside()
        self._opened_then()
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
        self._in_that_year()
        self._said_twice()
        for step in (
            self._sort,
            self._only,
            self._how_much,
            self._spent_where,
            self._spent_lately,
            self._where_and_who,
            self._how_long,
            self._when_opened,
            self._when_done,
            self._which_day,
            self._unheld,
            self._higher_of,
            self._own_average,
            self._average_person,
            self._counted_on_average,
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


def _asks_how(one: Chunk) -> bool:
    """Tell whether "how do" asks for no comparison: how do they split across the segments."""
    return one.text.casefold().startswith("how do")
