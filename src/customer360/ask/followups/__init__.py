"""Follow-ups: a question that leans on the one before changes its frame, and says nothing about the rest of it.

What a follow-up may do: give a field another value, add or take away a condition, break down by something else, ask for
another measure, move the window, ask for more or fewer rows, in another order, as shares, or count what was listed.
"""

from __future__ import annotations

from collections.abc import Sequence

from customer360.ask.chunks import Chunk
from customer360.ask.followups.leaning import LOST, Context, asks_part, changes_it, leans, refers
from customer360.ask.followups.showing import Showing
from customer360.ask.frame import Frame, fields_of
from customer360.ask.lexicon import Lexicon
from customer360.ask.slots import NotUnderstood, Slots

__all__ = ["LOST", "Context", "amend", "asks_part", "changes_it", "leans", "refers"]

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


class _Amender(Showing):
    """Takes the words of a follow-up, one kind of change after the other."""

    def amend(self) -> Frame:
        if not self.slots.chunks and not self.slots.in_money:
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
            self._in_money,
            self._recount,
        ):
            step()
        self.slots.take(*_KEPT)
        self.slots.finish()
        if not self.changed:
            raise NotUnderstood("what to change", "missing_slots")
        self._keep_of_whom()
        return self.frame

    def _keep_of_whom(self) -> None:
        """Refuse what would forget whose rows they are, or may be meant of these people: and Hotels?"""
        before, after = self.context.frame, self.frame
        if not before.of_whom:
            return
        told = {name for clause in before.of_whom for tree in clause.filters for name in fields_of(tree)}
        new = {name for tree in after.filters if tree not in before.filters for name in fields_of(tree)}
        if (before.of_whom, before.subject) != (after.of_whom, after.subject) or told & new:
            raise NotUnderstood("whose they are")
