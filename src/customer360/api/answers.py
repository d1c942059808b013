"""The shapes of the service's answers."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from customer360.semantic import Reading, SemanticResult


class Completeness(BaseModel):
    """Where an answer was read and how much of it there is."""

    ok: bool = True
    build_id: str = Field(description="Build that was read")
    as_of_date: str = Field(description="Day that the build calls today")
    rows_returned: int
    rows_available: int = Field(description="Rows that fit the question, before the limit")
    truncated: bool = Field(description="Whether rows that fit are missing from this answer")


class ColumnAnswer(BaseModel):
    """One column of an answer."""

    name: str
    field: str = Field(description="Full name in the semantic model")
    data_type: str
    unit: str | None = Field(description="currency, percent, count, score, days or nothing")
    label: str


class QueryAnswer(Completeness):
    """The answer to a semantic query."""

    currency: str
    columns: list[ColumnAnswer]
    rows: list[dict[str, Any]]
    sql: str
    parameters: list[Any]


class CustomerListAnswer(Completeness):
    """One page of customers."""

    currency: str
    rows: list[dict[str, Any]]
    next: str | None = Field(description="Cursor of the next page; null on the last one")
    next_url: str | None = Field(description="Address of the next page; null on the last one")


class RowsAnswer(Completeness):
    """Rows of one kind; amounts are in the currency."""

    currency: str
    rows: list[dict[str, Any]]


class ProductAnswer(BaseModel):
    """One product."""

    ok: bool = True
    build_id: str
    as_of_date: str
    product: dict[str, Any]


class CustomerAnswer(BaseModel):
    """One customer."""

    ok: bool = True
    build_id: str
    as_of_date: str
    currency: str
    customer: dict[str, Any]


class ChurnReason(BaseModel):
    """What one feature adds to the log-odds that a customer leaves."""

    rank: int
    feature: str
    contribution: float
    text: str
    direction: str


class ChurnAnswer(BaseModel):
    """A customer's churn score with what it comes from; contributions sum to ``margin``."""

    ok: bool = True
    build_id: str
    as_of_date: str
    customer_id: str
    name: str
    category: str
    probability: float | None
    score: int | None
    not_scored_reason: str | None
    within_days: int
    margin: float | None
    reasons: list[ChurnReason]


class OptionAnswer(BaseModel):
    """A question that may be asked instead."""

    label: str
    question: str


class CorrectionAnswer(BaseModel):
    """A word that was read as another."""

    typed: str
    read: str


class ChartAnswer(BaseModel):
    """The chart that suits the rows; names are those of columns."""

    kind: str = Field(description="figure, line, bar, pie, scatter, histogram, map or table")
    x: str
    y: list[str]
    series: str


class AskAnswer(Completeness):
    """What became of a question in plain English."""

    status: str = Field(description="answer, clarify (asked back) or refuse")
    question: str
    text: str = Field(description="What was read and what came out of it, or why there is no answer")
    reason: str = Field(description="Code of why there is no answer, or nothing in it")
    restatement: str = Field(description="The interpretation in English")
    assumptions: list[str]
    corrections: list[CorrectionAnswer]
    options: list[OptionAnswer] = Field(description="What the question may have meant; ask one in its place")
    alternatives: list[OptionAnswer] = Field(description="Other readings, or what comes nearest; each is answered")
    next_questions: list[str]
    interpretation: dict[str, Any] | None
    query: dict[str, Any] | None = Field(
        description="The semantic query; POST it to /api/semantic/query, with the same model"
    )
    currency: str
    chart: ChartAnswer | None
    read_by: str = Field(description="Who read the question")
    read_ms: float
    answer_ms: float
    columns: list[ColumnAnswer]
    rows: list[dict[str, Any]]
    sql: str
    parameters: list[Any]


class CompletionAnswer(BaseModel):
    """One question that goes on from what was typed."""

    text: str
    adds: str
    kind: str = Field(description="metric, entity, field, value, time, words or question")


class CompletionsAnswer(BaseModel):
    """What may come next; each completion is a question that is answered."""

    ok: bool = True
    build_id: str
    completions: list[CompletionAnswer]


class ExamplesAnswer(BaseModel):
    """Questions to begin with, by category."""

    ok: bool = True
    build_id: str
    examples: dict[str, list[str]]


def rows_answer(reading: Reading, result: SemanticResult) -> RowsAnswer:
    """Return the rows of a result and how complete they are."""
    return RowsAnswer(
        build_id=result.build_id,
        as_of_date=result.as_of_date.isoformat(),
        rows_returned=result.rows_returned,
        rows_available=result.rows_available,
        truncated=result.truncated,
        currency=reading.figures.currency,
        rows=result.rows(),
    )


def query_answer(reading: Reading, result: SemanticResult) -> QueryAnswer:
    """Return the wire shape of a result."""
    return QueryAnswer(currency=reading.figures.currency, **result.as_dict())
