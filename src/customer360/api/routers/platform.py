"""The service itself: what it is, and whether it is well."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel

from customer360.api.errors import ErrorAnswer
from customer360.api.service import RunningService

router = APIRouter()


class Welcome(BaseModel):
    """What answers here and where to go on."""

    ok: bool = True
    name: str
    version: str
    links: dict[str, str]


class Health(BaseModel):
    """The service is well and reads this build."""

    ok: bool = True
    status: str
    build_id: str


@router.get("/", summary="What answers here")
async def read_root(service: RunningService) -> Welcome:
    links = {
        "docs": "/docs",
        "openapi": "/openapi.json",
        "health": "/health",
        "customers": "/api/customers/",
        "products": "/api/products/",
        "semantic query": "/api/semantic/query",
    }
    return Welcome(name=service.app.name, version=service.app.version, links=links)


@router.get("/health", summary="Whether the service can answer", responses={503: {"model": ErrorAnswer}})
async def read_health(service: RunningService) -> Health:
    return Health(status="healthy", build_id=await service.check())
