"""Questions to begin with, by category: the model's verified ones, else those of ours that the engine reads."""

from __future__ import annotations

from customer360.ask.engine import Engine

_FIRST: dict[str, tuple[str, ...]] = {
    "Churn Analysis": (
        "Average churn risk score by customer segment",
        "Top 10 customers by churn risk score",
        "How many customers are high risk?",
        "Average days since last transaction by churn risk category",
    ),
    "Segmentation": (
        "Number of customers by customer segment",
        "Average lifetime value by customer segment",
        "Average monthly spend by customer segment",
        "Share of customers by card type",
    ),
    "Spending Trends": (
        "Total spend by month",
        "Total spend by merchant category",
        "Total spend in the last 90 days",
        "Number of transactions by channel",
        "Decline rate by month",
    ),
    "Geographic": (
        "Average lifetime value by state",
        "Top 10 states by number of customers",
        "Total spend by state",
        "Total spend by country",
    ),
    "Campaign": (
        "Top 10 customers by lifetime value",
        "Customers with lifetime value above 5000 and no purchase in the last 60 days",
        "How many customers are inactive?",
    ),
}
_CATEGORIES = {name.partition(" ")[0].lower(): name for name in _FIRST}


def list_examples(engine: Engine) -> dict[str, tuple[str, ...]]:
    """Return the questions to begin with, by category; the engine answers each of them.

    A verified query's category is what its name begins with: ``churn_by_state`` is about churn.
    """
    verified: dict[str, list[str]] = {}
    for one in engine.model.definition.verified_queries:
        category = _CATEGORIES.get(one.name.partition("_")[0], "Questions")
        verified.setdefault(category, []).append(one.question)
    chosen = {name: tuple(questions) for name, questions in verified.items()} or _FIRST
    kept = {name: tuple(one for one in questions if _is_read(engine, one)) for name, questions in chosen.items()}
    return {name: questions for name, questions in kept.items() if questions}


def _is_read(engine: Engine, question: str) -> bool:
    return engine.read(question).status == "answer"
