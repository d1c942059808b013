"""What commands read from settings."""

from __future__ import annotations

from customer360.semantic import Reader
from customer360.settings import QuerySettings, ResourceSettings, WorkspaceSettings, load
from customer360.workspace import Workspace


def workspace() -> Workspace:
    """Return the workspace that the command works on."""
    return Workspace(load(WorkspaceSettings).home)


def reader() -> Reader:
    """Return a reader of the workspace's builds."""
    return Reader.of(workspace(), load(QuerySettings), load(ResourceSettings))
