"""Questions that an engine answers: the model's verified ones, and simple ones about each of its tables."""

from __future__ import annotations

from collections.abc import Iterator

from customer360.ask.engine import Engine
from customer360.semantic import SemanticModel

CATEGORIES = ("Churn Analysis", "Segmentation", "Spending Trends", "Geographic", "Campaign")
FIELDS_OF_A_TABLE = 4

_CATEGORIES = {name.partition(" ")[0].lower(): name for name in CATEGORIES}
_OTHER = "Questions"


def list_examples(engine: Engine) -> dict[str, tuple[str, ...]]:
    """Return the questions to begin with, by category; the engine answers each of them.

    A verified query's category is what its name begins with: ``churn_by_state`` is about churn. A model without
    verified queries has the simple questions.
    """
    verified: dict[str, list[str]] = {}
    for one in engine.model.definition.verified_queries:
        category = _CATEGORIES.get(one.name.partition("_")[0], _OTHER)
        verified.setdefault(category, []).append(one.question)
    chosen = verified or {_OTHER: list(simple_questions(engine.model))}
    kept = {name: tuple(one for one in questions if _is_read(engine, one)) for name, questions in chosen.items()}
    return {name: questions for name, questions in kept.items() if questions}


def list_simple(engine: Engine) -> tuple[str, ...]:
    """Return plain questions about each table that the engine answers."""
    return tuple(one for one in simple_questions(engine.model) if _is_read(engine, one))


def simple_questions(model: SemanticModel) -> Iterator[str]:
    """Yield plain questions about the default measure of each table: itself, and by a few of its fields."""
    for table in model.definition.tables:
        if not (table.x_nl.asked and table.x_nl.default_metric):
            continue
        label = table.x_nl.default_metric.replace("_", " ")
        yield f"What is the {label}?"
        kinds = [one for one in table.dimensions if one.x_nl.asked and one.sample_values]
        for one in kinds[:FIELDS_OF_A_TABLE]:
            yield f"What is the {label} by {one.name.replace('_', ' ')}?"


def _is_read(engine: Engine, question: str) -> bool:
    return engine.read(question).status == "answer"
