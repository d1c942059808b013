"""Chunks: runs of words with one meaning, the pieces that the grammar's rules put together.

A rule is a pattern over the kinds of neighbouring chunks and a function that makes one chunk, or several, of them. The
rules run in a fixed order, each as often as it fits; a chunk that no rule and no slot of the question takes means that
a word was not understood, and then there is no answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from customer360.ask.lexicon import Entry


@dataclass(frozen=True)
class Chunk:
    """Words ``first`` to ``last`` (not included) of a question and what they mean."""

    kind: str
    data: Any
    first: int
    last: int
    text: str

    def made(self, kind: str, data: Any, *others: Chunk) -> Chunk:
        """Return a chunk of another kind over this one and others."""
        every = (self, *others)
        text = " ".join(dict.fromkeys(one.text for one in sorted(every, key=lambda one: one.first)))
        return Chunk(kind, data, min(one.first for one in every), max(one.last for one in every), text)


@dataclass(frozen=True)
class Candidate:
    """A run of words with all it may mean, the preferred first."""

    first: int
    last: int
    text: str
    entries: tuple[Entry, ...]

    def chunk(self, entry: Entry) -> Chunk:
        """Return the chunk of one of its meanings."""
        return Chunk(entry.kind, entry.data, self.first, self.last, self.text)


Build = Callable[[Any, list[Chunk]], Sequence[Chunk] | Chunk | None]


@dataclass(frozen=True)
class Rule:
    """A pattern over kinds, such as ``OP NUM`` or ``FIELD (IS )?CMP``, and what to make of it."""

    name: str
    pattern: re.Pattern[str]
    build: Build


def rule(pattern: str, build: Build) -> Rule:
    """Return a rule; kinds are words, each optional or repeated part is in parentheses."""
    name = getattr(build, "__name__", pattern).strip("_")
    spaced = re.sub(r"[A-Z]+", lambda kind: f"{kind[0]}_", pattern).replace(" ", "").replace("_", " ")
    return Rule(name, re.compile(r"(?<![A-Z])(?:" + spaced + ")"), build)


def apply(rules: Sequence[Rule], chunks: Sequence[Chunk], context: Any) -> list[Chunk]:
    """Return the chunks after every rule has been applied as often as it fits."""
    current = list(chunks)
    for one in rules:
        current = _exhaust(one, current, context)
    return current


def _exhaust(one: Rule, chunks: list[Chunk], context: Any) -> list[Chunk]:
    start = 0
    while True:
        line = "".join(f"{chunk.kind} " for chunk in chunks)
        match = one.pattern.search(line, start)
        if match is None:
            return chunks
        first = line.count(" ", 0, match.start())
        last = line.count(" ", 0, match.end())
        made = one.build(context, chunks[first:last]) if last > first else None
        if made is None:
            start = line.index(" ", match.start()) + 1
            continue
        taken = [made] if isinstance(made, Chunk) else list(made)
        changed = [*chunks[:first], *taken, *chunks[last:]]
        if changed == chunks:
            start = line.index(" ", match.start()) + 1
            continue
        chunks = changed


def renamed(chunk: Chunk, kind: str, data: Any = None) -> Chunk:
    """Return a chunk with another kind."""
    return replace(chunk, kind=kind, data=chunk.data if data is None else data)
