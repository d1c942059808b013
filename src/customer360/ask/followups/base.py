"""What all changes of a frame share: the frame so far, the words that are left, its window."""

from __future__ import annotations

import re
from typing import Any

from customer360.ask.dates import Window
from customer360.ask.followups.leaning import INSTEAD, NOUN, Context, refers
from customer360.ask.grammar.terms import Sorting
from customer360.ask.lexicon import Lexicon, date_of, table_extension
from customer360.ask.slots import NotUnderstood, Slots

_MANY = re.compile(r"\b(?:their|them|they|those|these)\b", re.IGNORECASE)
_ADDS = re.compile(
    r"^\W*(?:and also|also|split|break|further|additionally|add|include)\b|\b(?:as well|too|also)\W*$", re.IGNORECASE
)
_REMOVES = re.compile(
    r"^\W*(?:(?:ok|okay|now|and|then|please) )*(?:remove|drop|clear|forget|get rid of|take out|"
    r"without the (?=\w+ filter))\b|\bfilter (?:off|away)\b|^\W*(?:and |now )?(?:for |across "
    r")?(?:everyone|overall|all (?:customers|of them|states|segments|channels|cards))\b",
    re.IGNORECASE,
)


class Change:
    """One follow-up while it changes the frame of the question before."""

    def __init__(self, lexicon: Lexicon, context: Context, question: str, slots: Slots) -> None:
        self.lexicon = lexicon
        self.model = lexicon.model
        self.context = context
        self.frame = context.frame
        self.slots = slots
        self.adds = _ADDS.search(question) is not None and INSTEAD.search(question) is None
        self.refers = refers(question)
        self.swaps = (
            re.match(r"^\W*(?:(?:and|ok|now) )*(?:swap|replace|exchange|change)\b", question, re.IGNORECASE) is not None
        )
        self.of_rows = _MANY.search(question) is not None and NOUN.search(question) is None
        self.removes = _REMOVES.search(question) is not None
        self.changed = False
        self.sorting: Sorting | None = None

    def _set(self, **parts: Any) -> None:
        self.frame = self.frame.model_copy(update=parts)
        self.changed = True

    def _window(self) -> Window | None:
        clauses = [clause.window for clause in self.frame.clauses if clause.window]
        return self.frame.window or (clauses[0] if clauses else None)

    def _put_window(self, window: Window) -> None:
        frame = self.frame
        if frame.window is not None or frame.window_field:
            return self._set(window=window, comparison=frame.comparison)
        dated = [clause for clause in frame.clauses if clause.window] or list(frame.clauses)
        if dated:
            clauses = tuple(
                clause.model_copy(update={"window": window}) if clause is dated[0] else clause
                for clause in frame.clauses
            )
            return self._set(clauses=clauses)
        extension = table_extension(self.model, frame.subject)
        if extension.activity or not extension.default_time_dimension:
            raise NotUnderstood(window.label, "window_of_rows")
        return self._set(window=window, window_field=date_of(self.model, frame.subject))
