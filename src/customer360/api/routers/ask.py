"""Questions in plain English, what may come next while one is typed, and questions to begin with."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from customer360.api.answers import AskAnswer, CompletionAnswer, CompletionsAnswer, ExamplesAnswer
from customer360.api.errors import ErrorAnswer
from customer360.api.service import LONGEST_NAME, MODELS, ModelName, RunningService, Service
from customer360.ask import Conversation
from customer360.settings import DEFAULT_MODEL

router = APIRouter()

MOST_PREVIOUS = 50
LONGEST = 4_000
"""Letters of a question; the engine itself refuses long ones with a reason."""

Question = Annotated[str, Field(min_length=1, max_length=LONGEST)]


class Asking(BaseModel):
    """A question with the ones before it, oldest first, since nothing of a conversation is kept here."""

    model_config = ConfigDict(extra="forbid")

    question: Question
    previous: Annotated[list[Question], Field(max_length=MOST_PREVIOUS)] = []
    model: Annotated[str, Field(max_length=LONGEST_NAME, description=MODELS)] = DEFAULT_MODEL
    build: Annotated[
        str | None, Field(max_length=LONGEST_NAME, description="An older build; default: the published one")
    ] = None


@router.post(
    "/", summary="Ask a question in plain English", responses={404: {"model": ErrorAnswer}, 410: {"model": ErrorAnswer}}
)
@router.post("", include_in_schema=False)
async def ask(service: RunningService, asking: Asking) -> AskAnswer:
    """Answer, ask back with options that can be asked as they are, or refuse with a reason; the HTTP status is 200."""
    return await service.gate.run(_ask, service, asking)


@router.get("/complete", summary="What may come next after what was typed")
async def complete(
    service: RunningService,
    q: Annotated[str, Query(max_length=LONGEST, description="What was typed so far")] = "",
    limit: Annotated[int, Query(ge=1, le=20)] = 8,
    model: ModelName = DEFAULT_MODEL,
) -> CompletionsAnswer:
    return await service.gate.run(_complete, service, q, limit, model)


@router.get("/examples", summary="Questions to begin with")
async def examples(service: RunningService, model: ModelName = DEFAULT_MODEL) -> ExamplesAnswer:
    return await service.gate.run(_examples, service, model)


def _ask(service: Service, asking: Asking) -> AskAnswer:
    with service.reader.pin(asking.build, asking.model) as reading:
        conversation = Conversation.replay(service.engines.source(reading), asking.previous)
        return AskAnswer.model_validate(conversation.ask(asking.question).as_dict())


def _complete(service: Service, typed: str, limit: int, model: str) -> CompletionsAnswer:
    with service.reader.pin(model=model) as reading:
        source = service.engines.source(reading)
        found = [CompletionAnswer(**vars(one)) for one in source.guide.complete(typed, limit)]
        return CompletionsAnswer(build_id=source.build_id, completions=found)


def _examples(service: Service, model: str) -> ExamplesAnswer:
    with service.reader.pin(model=model) as reading:
        source = service.engines.source(reading)
        listed = {category: list(questions) for category, questions in source.guide.examples.items()}
        return ExamplesAnswer(build_id=source.build_id, examples=listed)
