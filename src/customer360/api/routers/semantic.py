"""Semantic queries over the published build."""

from __future__ import annotations

from fastapi import APIRouter

from customer360.api.answers import QueryAnswer, query_answer
from customer360.api.service import ModelName, RunningService, Service
from customer360.semantic import SemanticQuery
from customer360.settings import DEFAULT_MODEL

router = APIRouter()


@router.post("/query", summary="Ask metrics by dimensions, or a list of rows")
async def ask(service: RunningService, query: SemanticQuery, model: ModelName = DEFAULT_MODEL) -> QueryAnswer:
    """Aggregate `metrics` by `dimensions` (`transaction_date:month` rounds a date), or list `fields` row by row.

    `filters` and `having` are trees of `{"field", "op", "value"}`, `{"and": []}`, `{"or": []}` and `{"not": {}}`.
    Shares, changes, aggregates of fields, formulas and comparisons with means are shown in docs/querying.md.
    """
    return await service.gate.run(_ask, service, query, model)


def _ask(service: Service, query: SemanticQuery, model: str) -> QueryAnswer:
    with service.reader.pin(model=model) as reading:
        return query_answer(reading, reading.ask(query, keep=True))
