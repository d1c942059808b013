"""What can be asked of one build: questions to begin with, and what may come next after what was typed."""

from __future__ import annotations

import difflib
import time
from collections.abc import Callable, Mapping
from functools import cached_property

from customer360.ask.completing import Completion, Phrase, complete, list_phrases
from customer360.ask.engine import Engine
from customer360.ask.examples import list_examples, list_simple
from customer360.semantic import SemanticModel

KEPT_READINGS = 20_000
LONGEST_LIKENED = 200


class Guide:
    """The examples and phrases of one engine, found when they are first needed and then kept."""

    def __init__(self, engine: Engine, clock: Callable[[], float] = time.perf_counter) -> None:
        self.engine = engine
        self.clock = clock
        self._readable: dict[str, bool] = {}

    @property
    def model(self) -> SemanticModel:
        """The model that the engine reads questions by."""
        return self.engine.model

    @cached_property
    def examples(self) -> Mapping[str, tuple[str, ...]]:
        """Questions to begin with, by category; the engine answers each of them."""
        return list_examples(self.engine)

    @cached_property
    def answerable(self) -> tuple[str, ...]:
        """Questions that the engine answers: the examples, then simple ones about each table."""
        examples = [question for questions in self.examples.values() for question in questions]
        return tuple(dict.fromkeys((*examples, *list_simple(self.engine))))

    def nearest(self, question: str, most: int = 3) -> list[str]:
        """Return the answerable questions that are most like one; likeness only puts them in order."""
        matcher = difflib.SequenceMatcher(b=question.casefold()[:LONGEST_LIKENED])

        def likeness(other: str) -> float:
            matcher.set_seq1(other.casefold())
            return matcher.ratio()

        return sorted(self.answerable, key=likeness, reverse=True)[:most]

    @cached_property
    def phrases(self) -> tuple[Phrase, ...]:
        """What a question can be made of, the most useful first."""
        return list_phrases(self.engine)

    def complete(self, text: str, limit: int) -> list[Completion]:
        """Return what may come next; each completion makes a question that is answered."""
        return complete(text, self.phrases, self.examples, self.is_readable, limit=limit, clock=self.clock)

    def is_readable(self, question: str) -> bool:
        """Tell whether the engine answers a question."""
        known = self._readable.get(question)
        if known is None:
            if len(self._readable) >= KEPT_READINGS:
                self._readable.clear()
            known = self._readable[question] = self.engine.read(question).status == "answer"
        return known
