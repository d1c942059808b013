"""What commands read from settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from customer360.settings import SEMANTIC_MODELS, QuerySettings, ResourceSettings, WorkspaceSettings, load
from customer360.workspace import Workspace

if TYPE_CHECKING:
    from customer360.semantic import Reader
    from customer360.store import Store
    from customer360.warehouse import Builds

ModelName = Annotated[str, typer.Option("--model", help=f"Semantic model to ask: {' or '.join(SEMANTIC_MODELS)}.")]


def workspace() -> Workspace:
    """Return the workspace that the command works on."""
    return Workspace.of(load(WorkspaceSettings))


def open_builds() -> Builds:
    """Return the builds of the workspace."""
    from customer360.warehouse import open_builds as of  # noqa: PLC0415

    return of(workspace())


def reader() -> Reader:
    """Return a reader of the workspace's builds."""
    from customer360.semantic import Reader  # noqa: PLC0415  (half a second that only answers need)

    return Reader.of(workspace(), load(QuerySettings), load(ResourceSettings))


def open_store() -> Store:
    """Return the operational store of a workspace that holds something."""
    from customer360.store import Store  # noqa: PLC0415

    if not workspace().store.exists():
        workspace().describe()  # tells a newcomer what to do first
    return Store.beside(workspace().store)
