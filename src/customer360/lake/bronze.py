"""Where batches lie, how one lands and how its rows are read back.

Invariant: every file of a batch is on disk and synced before its manifest is written, so a batch is there whole or not
at all; what a killed process left behind has no manifest and is swept by the next writer.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb

from customer360.lake.contracts import API_TABLES, PROVENANCE, TABLES, Column
from customer360.lake.manifests import (
    Manifest,
    TableRows,
    live_manifests,
    manifest_path,
    name_successor,
    read_manifests,
    write_manifest,
)
from customer360.workspace import Workspace, hash_file, sync

GROWN = frozenset(table.name for table in API_TABLES)
"""Tables that got columns since batches of them landed, which do not have them."""


def new_batch_id(source: str, sha256: str, revision: int) -> str:
    """Return the id of a batch: its source's name, the content's hash, and which revision of the source it is."""
    slug = re.sub(r"[^a-z0-9]+", "_", source.lower()).strip("_")[:60]
    return f"{slug}_{sha256[:12]}" + (f"_r{revision}" if revision > 1 else "")


def parquet_path(workspace: Workspace, table: str, batch_id: str) -> Path:
    """Return where the rows of one table of one batch lie."""
    return workspace.lake / table / f"{batch_id}.parquet"


def raw_folder(workspace: Workspace, batch_id: str) -> Path:
    """Return the folder that keeps the file of a batch as it was received."""
    return workspace.lake / "raw" / batch_id


def commit_batches(workspace: Workspace, batches: Sequence[tuple[Manifest, Path]]) -> None:
    """Land batches whose Parquet files are written: keep each received file, sync everything, write the manifests."""
    folders = {workspace.lake / "raw"}
    for manifest, received in batches:
        kept = raw_folder(workspace, manifest.batch_id)
        kept.mkdir(parents=True, exist_ok=True)
        received.replace(kept / Path(manifest.source).name)
        parquet = [parquet_path(workspace, table, manifest.batch_id) for table in manifest.tables]
        for path in (kept / Path(manifest.source).name, *parquet):
            sync(path)
            folders.add(path.parent)
    for folder in folders:
        sync(folder)
    for manifest, _ in batches:
        write_manifest(workspace, manifest)


def commit_snapshot(workspace: Workspace, manifest: Manifest, written: Path) -> None:
    """Land the rows of one table that a build wrote and take them from where it did; no received file is kept."""
    [table] = manifest.tables
    path = parquet_path(workspace, table, manifest.batch_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(written, path)
    sync(path)
    sync(path.parent)
    write_manifest(workspace, manifest)
    written.unlink()


def discard_batch(workspace: Workspace, batch_id: str) -> None:
    """Remove what a landing that failed wrote, unless its manifest says that the batch landed."""
    if manifest_path(workspace, batch_id).exists():
        return
    for table in TABLES:
        parquet_path(workspace, table, batch_id).unlink(missing_ok=True)
    shutil.rmtree(raw_folder(workspace, batch_id), ignore_errors=True)


def sweep(workspace: Workspace) -> None:
    """Remove what an interrupted landing left, and finish a replacement that was cut between its two writes."""
    manifests = read_manifests(workspace)
    known = {manifest.batch_id: manifest for manifest in manifests}
    _remove_leftovers(workspace, known)
    for manifest in manifests:
        replaced = known.get(manifest.supersedes or "")
        if replaced and replaced.superseded_by != manifest.batch_id:
            name_successor(workspace, replaced.batch_id, manifest.batch_id)


def _remove_leftovers(workspace: Workspace, known: Mapping[str, Manifest]) -> None:
    shutil.rmtree(incoming_folder(workspace), ignore_errors=True)
    for unfinished in (workspace.lake / "manifests").glob(".*.tmp"):
        unfinished.unlink()
    for table in TABLES:
        for path in (workspace.lake / table).glob("*.parquet"):
            if path.stem not in known or table not in known[path.stem].tables:
                path.unlink()
    for folder in (workspace.lake / "raw").glob("*"):
        if folder.name not in known or known[folder.name].transactions_dropped_on:
            shutil.rmtree(folder)


def incoming_folder(workspace: Workspace) -> Path:
    """Return the folder for files on their way in; nothing in it has landed."""
    return workspace.lake / "incoming"


def live_batches(workspace: Workspace) -> list[Manifest]:
    """Return the manifests of the live batches, by source name."""
    return sorted(live_manifests(read_manifests(workspace)), key=lambda manifest: manifest.source)


def create_bronze_views(
    connection: duckdb.DuckDBPyConnection, workspace: Workspace, batches: Iterable[Manifest]
) -> None:
    """Create a view per bronze table over exactly these batches, in the schema ``bronze``; some may be empty."""
    batches = list(batches)
    connection.execute("CREATE SCHEMA IF NOT EXISTS bronze")
    for table in TABLES:
        create_bronze_view(connection, workspace, table, table, batches)


def create_bronze_view(
    connection: duckdb.DuckDBPyConnection, workspace: Workspace, view: str, table: str, batches: Iterable[Manifest]
) -> None:
    """Create a view over one table of these batches in the schema ``bronze``, with its columns where there are none."""
    files = [str(parquet_path(workspace, table, batch.batch_id)) for batch in batches if table in batch.tables]
    columns = (*TABLES[table].columns, *PROVENANCE)
    if files:
        rows = connection.read_parquet(files, union_by_name=table in GROWN)
    else:
        rows = connection.sql(f"SELECT {', '.join(map(_empty, columns))} LIMIT 0")
    if table in GROWN and (missing := [_empty(column) for column in columns if column.name not in rows.columns]):
        rows = rows.project(", ".join(["*", *missing]))
    connection.execute("USE bronze")
    rows.create_view(view, replace=True)
    connection.execute("USE main")


def _empty(column: Column) -> str:
    return f"CAST(NULL AS {column.type}) AS {column.name}"


def find_damage(workspace: Workspace, batches: Iterable[Manifest]) -> dict[Path, str]:
    """Return what is wrong with each Parquet file that is not the one that landed.

    Every byte is read, so that a value that changed on disk is found as well as a file that is gone. What landed before
    manifests held hashes must only be there.
    """
    expected = {
        parquet_path(workspace, table, batch.batch_id): counts
        for batch in batches
        for table, counts in batch.tables.items()
    }
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        faults = pool.map(_find_fault, expected, expected.values())
        return {path: fault for path, fault in zip(expected, faults, strict=True) if fault}


def _find_fault(path: Path, counts: TableRows) -> str | None:
    try:
        found = hash_file(path)
    except OSError as error:
        return f"it cannot be read: {error.strerror}"
    return None if counts.sha256 in (found, "") else "its content is not what landed"
