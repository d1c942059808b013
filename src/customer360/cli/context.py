"""What commands read from flags and settings."""

from __future__ import annotations

import typer

from customer360.semantic import Reader
from customer360.settings import QuerySettings, ResourceSettings, WorkspaceSettings, load
from customer360.workspace import Workspace


def workspace_settings(ctx: typer.Context) -> WorkspaceSettings:
    """Return the workspace's settings; ``--home`` wins."""
    return load(WorkspaceSettings, home=ctx.find_root().obj)


def workspace(ctx: typer.Context) -> Workspace:
    """Return the workspace that the command works on."""
    return Workspace(workspace_settings(ctx).home)


def reader(ctx: typer.Context) -> Reader:
    """Return a reader of the workspace's builds."""
    return Reader.of(workspace(ctx), load(QuerySettings), load(ResourceSettings))
