"""How a question was read, step by step: words, phrases with their meaning, interpretation, query."""

from __future__ import annotations

from typing import Any

from customer360.ask.engine import Engine, Read
from customer360.ask.segment import find_candidates
from customer360.ask.words import read_words
from customer360.semantic import Item


def explain_reading(engine: Engine, read: Read) -> dict[str, Any]:
    """Return the steps of a reading with values fit for JSON."""
    words, _ = engine.speller.correct(read_words(read.question))
    candidates = find_candidates(words, engine.lexicon, engine.newest)
    return {
        "words": [word.text for word in words],
        "phrases": [
            {"text": one.text, "means": [f"{entry.kind} {_told(entry.data)}".strip() for entry in one.entries]}
            for one in candidates
        ],
        "interpretation": read.frame.model_dump(mode="json", exclude_defaults=True) if read.frame else None,
        "query": read.query.model_dump(mode="json", exclude_defaults=True) if read.query else None,
    }


def _told(data: Any) -> str:
    """Return what an entry stands for in a few words."""
    item = getattr(data, "item", None)
    if isinstance(data, Item):
        return data.full_name
    if isinstance(item, Item):
        values = getattr(data, "values", None)
        return f"{item.full_name}{f' = {values[0]}' if values else ''}"
    label = getattr(data, "label", None)
    return str(label) if label else str(data) if isinstance(data, (str, int, float, tuple)) else ""
