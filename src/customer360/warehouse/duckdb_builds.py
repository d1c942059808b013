"""Builds as DuckDB files: a folder each, with the file, ``build.json`` and the semantic models.

Invariant: ``current.json`` names a build that passed its gate and is complete. A reader locks the folder of the build
it reads (shared); pruning takes the same lock exclusively and spares what it cannot have.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection, Iterable
from contextlib import ExitStack
from dataclasses import asdict, replace

import duckdb

from customer360.clock import Clock
from customer360.errors import NotFound, did_you_mean
from customer360.warehouse.builds import (
    Batch,
    BuildRecord,
    Builds,
    OpenBuild,
    Progress,
    nothing_published,
    read_models,
    read_record,
)
from customer360.warehouse.duckdb import DuckDBWarehouse
from customer360.workspace import write_json

FILE = "warehouse.duckdb"


class DuckDBBuilds(Builds):
    """The builds below the folder ``builds`` of a workspace."""

    def copy_bronze(self, batches: Iterable[Batch], progress: Progress) -> None:
        """Do nothing: builds read the lake itself."""

    def write(self, record: BuildRecord) -> None:
        write_json(self.folder(record.build_id) / "build.json", asdict(record))

    def get(self, build_id: str) -> BuildRecord:
        try:
            content = json.loads((self.folder(build_id) / "build.json").read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            known = [record.build_id for record in self.records()]
            raise NotFound(
                f"There is no build {build_id!r}.", code="build_not_found", next_action=did_you_mean(build_id, known)
            ) from None
        return read_record(content)

    def records(self) -> list[BuildRecord]:
        records = [self.get(path.parent.name) for path in self.workspace.builds.glob("b*/build.json")]
        return sorted(records, key=lambda record: record.build_id, reverse=True)

    def current_id(self) -> str:
        try:
            pointer = json.loads((self.workspace.builds / "current.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise nothing_published() from None
        return str(pointer["build_id"])

    def known_id(self) -> str | None:
        return self.current_id()

    def _point_to(self, build_id: str, clock: Clock) -> None:
        published_at = clock().isoformat(timespec="seconds")
        write_json(self.workspace.builds / "current.json", {"build_id": build_id, "published_at": published_at})

    def _has_tables(self, record: BuildRecord) -> bool:
        return (self.folder(record.build_id) / FILE).is_file()

    def sweep(self) -> None:
        for record in self.records():
            if record.status == "running":
                self.write(replace(record, status="interrupted"))
                self.discard(record.build_id)
        for trash in self.workspace.builds.glob(".pruned-*"):
            shutil.rmtree(trash, ignore_errors=True)

    def discard(self, build_id: str) -> None:
        for path in self.folder(build_id).iterdir():
            if path.name != "build.json":
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def _remove(self, build_id: str) -> None:
        folder = self.folder(build_id)
        trash = folder.with_name(f".pruned-{build_id}")
        folder.rename(trash)
        shutil.rmtree(trash, ignore_errors=True)

    def _read(self, record: BuildRecord, resources: ExitStack) -> OpenBuild:
        folder = self.folder(record.build_id)
        warehouse = DuckDBWarehouse(folder / FILE, threads=self._threads, memory=self._memory)
        resources.callback(warehouse.close)
        return OpenBuild(record, warehouse, read_models(folder))

    def attach(
        self,
        connection: duckdb.DuckDBPyConnection,
        side: str,
        record: BuildRecord,
        tables: Collection[str],  # noqa: ARG002  (a file is attached whole, at no cost)
    ) -> None:
        path = str(self.folder(record.build_id) / FILE).replace("'", "''")
        connection.execute(f"ATTACH '{path}' AS {side} (READ_ONLY)")
