"""The builds of a workspace on the engine that it says."""

from __future__ import annotations

from customer360.warehouse.builds import Builds
from customer360.warehouse.duckdb_builds import DuckDBBuilds
from customer360.workspace import Workspace


def open_builds(workspace: Workspace, *, threads: int = 2, memory: str = "2GB", pool_size: int = 4) -> Builds:
    """Return the builds of a workspace, in its folder or on its account.

    ``threads`` and ``memory`` are what this machine gives to reading them, ``pool_size`` the sessions with an account.

    Raises:
        Unavailable: the account's connector is not installed.
    """
    if workspace.account is None:
        return DuckDBBuilds(workspace, threads=threads, memory=memory)
    from customer360.warehouse.snowflake_builds import SnowflakeBuilds  # noqa: PLC0415  (an extra)

    return SnowflakeBuilds(workspace, workspace.account, threads=threads, memory=memory, pool_size=pool_size)
