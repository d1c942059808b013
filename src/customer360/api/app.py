"""The HTTP service: its routes parse, call a package below and present; nothing is computed here."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline

from customer360.api import errors, middleware
from customer360.api.routers import ask, cortex, customers, platform, products, semantic
from customer360.api.service import Service
from customer360.settings import AppSettings, CortexSettings, QuerySettings, ResourceSettings, WorkspaceSettings, load
from customer360.workspace import Workspace

DESCRIPTION = """
Ask the published build of a workspace: customers, semantic queries over every table, and questions in plain English.

Every answer says which build it was read from, as of which day, and how complete it is.
"""


def create_app(
    app_settings: AppSettings | None = None,
    workspace_settings: WorkspaceSettings | None = None,
    query_settings: QuerySettings | None = None,
    resources: ResourceSettings | None = None,
) -> FastAPI:
    """Return the service for one workspace; settings that are not given are read from the environment."""
    settings = app_settings or load(AppSettings)
    logging.getLogger("customer360").setLevel(logging.DEBUG if settings.debug else logging.INFO)
    service = Service(
        Workspace.of(workspace_settings or load(WorkspaceSettings)),
        settings,
        query_settings or load(QuerySettings),
        resources or load(ResourceSettings),
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await service.warm_up()
        yield
        service.close()

    app: FastAPI = FastAPIOffline(
        redoc_url=None,
        title=settings.name,
        version=settings.version,
        description=DESCRIPTION,
        lifespan=lifespan,
        responses={422: {"model": errors.ErrorAnswer}, 503: {"model": errors.ErrorAnswer}},
    )
    app.state.service = service
    app.state.cortex = cortex.Cortex(load(CortexSettings))
    app.include_router(platform.router, tags=["platform"])
    app.include_router(customers.router, prefix="/api/customers", tags=["customers"])
    app.include_router(products.router, prefix="/api/products", tags=["products"])
    app.include_router(semantic.router, prefix="/api/semantic", tags=["semantic"])
    app.include_router(ask.router, prefix="/api/ask", tags=["ask"])
    app.include_router(cortex.router, prefix="/api/v2/cortex/analyst", tags=["cortex analyst"])
    errors.install(app)
    app.add_middleware(middleware.RequestLog)
    return app
