"""Moves a workspace from files of DuckDB to Snowflake: bronze, then a build of the same, then every value compared."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

from customer360.build.carrying import hash_models
from customer360.build.pipeline import run_build
from customer360.build.runner import Progress, silent
from customer360.errors import Conflict
from customer360.lake import count_source_rows, read_manifests
from customer360.settings import ResourceSettings, SnowflakeSettings, WorkspaceSettings
from customer360.warehouse import BuildRecord, open_builds
from customer360.warehouse.compare import TableDifference, diff_engines
from customer360.workspace import Workspace


def migrate(
    workspace: Workspace,
    account: SnowflakeSettings,
    resources: ResourceSettings,
    settings: WorkspaceSettings,
    *,
    progress: Progress = silent,
) -> BuildRecord:
    """Copy bronze to the account, build there what DuckDB has published, and publish it there.

    The files stay and stay served; the workspace is on Snowflake once its settings say so. A second time only what is
    new is copied.

    Raises:
        Conflict: the published build is not made of what has landed, or by other models.
        BuildFailed: the build on Snowflake did not pass.
        Unavailable: nothing is published, or the account gave no answer.
    """
    published = _published(workspace)
    as_of = published.as_of
    return run_build(replace(workspace, account=account), resources, settings, as_of=as_of, progress=progress)


def reconcile(workspace: Workspace) -> Iterator[TableDifference]:
    """Compare each table that DuckDB and the workspace's account have published, row by row and value by value.

    Every row is read from the account.

    Raises:
        Unavailable: nothing is published on one of them, or the account gave no answer.
    """
    with (
        closing(open_builds(replace(workspace, account=None))) as files,
        closing(open_builds(workspace)) as schemas,
    ):
        yield from diff_engines(files, schemas)


def _published(workspace: Workspace) -> BuildRecord:
    """Return the build to compare with, which must be what a build would make now."""
    with closing(open_builds(replace(workspace, account=None))) as builds:
        published = builds.get(builds.current_id())
    landed = count_source_rows(read_manifests(workspace))
    if published.source_rows != landed or published.models_sha256 != hash_models():
        raise Conflict(
            f"Build {published.build_id} is not made of what has landed, or by other models, so a build on Snowflake "
            "could not be compared with it.",
            code="build_outdated",
            next_action="Build on DuckDB first: CUSTOMER360_ENGINE=duckdb customer360 build.",
        )
    return published
