"""The manifest of a batch: a batch exists when its manifest does, and is live until another names it as replaced."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from customer360.lake.contracts import CORRECTIONS, SNAPSHOT_TABLES
from customer360.workspace import Workspace, write_json


@dataclass(frozen=True)
class TableRows:
    """Rows of one bronze table that a batch brought, and how many hold a value that does not fit.

    ``sha256`` is of the Parquet file; batches of the first version have none.
    """

    rows: int
    invalid: int
    sha256: str = ""


@dataclass(frozen=True)
class Manifest:
    """What one batch is: where it came from, what it holds and which batch it replaces."""

    batch_id: str
    dataset: str
    source: str
    sha256: str
    bytes: int
    mapping_sha256: str
    rows: int
    duplicate_rows: int | None
    tables: dict[str, TableRows]
    landed_at: str
    supersedes: str | None = None
    superseded_by: str | None = None
    transactions_dropped_on: str | None = None

    @property
    def is_snapshot(self) -> bool:
        """Whether a build landed it to remember what it found, rather than a source."""
        return bool(self.tables) and set(self.tables) <= {table.name for table in SNAPSHOT_TABLES}

    @property
    def is_correction(self) -> bool:
        """Whether it brings rejected rows anew that somebody corrected."""
        return CORRECTIONS.name in self.tables


def read_manifests(workspace: Workspace) -> list[Manifest]:
    """Return every manifest, live or not, in the order of their batch ids."""
    folder = workspace.lake / "manifests"
    return [_read(path) for path in sorted(folder.glob("*.json"))] if folder.is_dir() else []


def live_manifests(manifests: Iterable[Manifest]) -> list[Manifest]:
    """Return the batches that no other batch replaces.

    The successor's word counts, not the mark on the replaced batch: a process killed between the two leaves one truth.
    """
    known = list(manifests)
    replaced = {manifest.supersedes for manifest in known}
    return [manifest for manifest in known if manifest.batch_id not in replaced]


def count_source_rows(manifests: Iterable[Manifest]) -> dict[str, int]:
    """Return the rows that each live batch of a source holds; what builds landed of themselves is no source."""
    live = live_manifests(manifests)
    return {
        manifest.batch_id: sum(table.rows for table in manifest.tables.values())
        for manifest in live
        if not manifest.is_snapshot
    }


def write_manifest(workspace: Workspace, manifest: Manifest) -> None:
    """Make a batch exist; where it replaces another, mark that one with its successor."""
    write_json(manifest_path(workspace, manifest.batch_id), asdict(manifest))
    if manifest.supersedes:
        name_successor(workspace, manifest.supersedes, manifest.batch_id)


def name_successor(workspace: Workspace, batch_id: str, successor: str) -> None:
    """Write into a replaced batch's manifest which batch replaced it."""
    old = _read(manifest_path(workspace, batch_id))
    write_json(manifest_path(workspace, batch_id), asdict(replace(old, superseded_by=successor)))


def manifest_path(workspace: Workspace, batch_id: str) -> Path:
    """Return where the manifest of a batch lies."""
    return workspace.lake / "manifests" / f"{batch_id}.json"


def _read(path: Path) -> Manifest:
    content = json.loads(path.read_text(encoding="utf-8"))
    tables = {name: TableRows(**rows) for name, rows in content.pop("tables").items()}
    return Manifest(tables=tables, **content)
