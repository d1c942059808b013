"""Lands the files of a dataset: one batch per file, each whole or not at all, the same file never twice."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import IO

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from customer360.clock import Clock, utc_now
from customer360.errors import Conflict, SourceRefused
from customer360.ingest.datasets import DatasetFolder, SourceSpec
from customer360.ingest.files import Received, SourceFile, list_sources, receive, remove
from customer360.ingest.mapping import Mapping, Origin
from customer360.ingest.reading import read_batches
from customer360.lake import (
    Manifest,
    commit_batch,
    create_bronze_views,
    incoming_folder,
    live_batches,
    live_manifests,
    new_batch_id,
    parquet_path,
    raw_folder,
    read_manifests,
    sweep,
)
from customer360.workspace import FORMAT, Workspace, explain_disk, write_yaml

IN_MEMORY_BYTES = 64 << 20
DUPLICATES = "SELECT count(*) - (SELECT count(*) FROM (SELECT DISTINCT * EXCLUDE (_line) FROM source)) FROM source"

Progress = Callable[[str], None]


@dataclass
class LoadReport:
    """What one load did, file by file, and what the workspace holds after it."""

    dataset: str
    landed: list[Manifest] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    refused: list[SourceRefused] = field(default_factory=list)
    outdated_mappings: int = 0
    batches: int = 0
    rows: int = 0
    duplicate_rows: int = 0
    tables: dict[str, int] = field(default_factory=dict)
    invalid: dict[str, int] = field(default_factory=dict)
    figures: dict[str, str] = field(default_factory=dict)


def load_dataset(
    workspace: Workspace,
    folder: DatasetFolder,
    path: Path,
    *,
    replace: bool = False,
    clock: Clock = utc_now,
    progress: Progress = lambda _: None,
) -> LoadReport:
    """Land the files at ``path`` (a folder, a file or an archive).

    A file that landed before is passed over; one whose content changed under the same name is refused unless
    ``replace``, which supersedes the old batch. A file that does not fit is refused whole and the others land.

    Raises:
        Conflict: the workspace holds another dataset.
        WorkspaceBusy: another process writes.
    """
    with workspace.writing():
        claim(workspace, folder, clock)
        sweep(workspace)
        landing = _Landing(workspace, folder, replace, clock, progress)
        landing.run(_with_reference(folder, list_sources(path)))
        return _summarise(landing)


def remap_dataset(
    workspace: Workspace, folder: DatasetFolder, *, clock: Clock = utc_now, progress: Progress = lambda _: None
) -> LoadReport:
    """Map the kept files of the live batches anew, where the dataset's mapping changed since they landed."""
    with workspace.writing():
        claim(workspace, folder, clock)
        sweep(workspace)
        landing = _Landing(workspace, folder, True, clock, progress, remap=True)
        landing.run(_kept_files(workspace))
        return _summarise(landing)


def claim(workspace: Workspace, folder: DatasetFolder, clock: Clock) -> None:
    """Name the dataset in ``workspace.yml``, or check that it is the one this workspace holds."""
    dataset = folder.dataset
    content = {
        "format": FORMAT,
        "dataset": dataset.name,
        "definition": dataset.describe(),
        "created_at": clock().isoformat(timespec="seconds"),
    }
    if workspace.description.exists():
        held = workspace.describe()
        if held["dataset"] != dataset.name:
            raise Conflict(
                f"The workspace {workspace.home} holds the dataset {held['dataset']!r}; "
                f"{dataset.name!r} needs a workspace of its own, because ids and currencies collide.",
                code="other_dataset",
                next_action=f"CUSTOMER360_HOME=.customer360-{dataset.name} customer360 load {dataset.name} --from PATH",
            )
        content["created_at"] = held["created_at"]
        if held == content:
            return
    write_yaml(workspace.description, content)


class _Landing:
    """One run over a list of files; several land at the same time."""

    def __init__(
        self,
        workspace: Workspace,
        folder: DatasetFolder,
        replace: bool,
        clock: Clock,
        progress: Progress,
        *,
        remap: bool = False,
    ) -> None:
        self.workspace, self.folder, self.replace, self.remap = workspace, folder, replace, remap
        self.clock, self.progress = clock, progress
        self.report = LoadReport(folder.dataset.name)
        manifests = read_manifests(workspace)
        self._live = {manifest.source: manifest for manifest in live_manifests(manifests)}
        self._by_content = {manifest.sha256: manifest for manifest in self._live.values()}
        self._ids = {manifest.batch_id for manifest in manifests}
        self._mappings: dict[str, Mapping] = {}
        self._local = threading.local()

    @cached_property
    def workers(self) -> int:
        return max(2, os.cpu_count() or 2)

    def run(self, files: Iterator[SourceFile]) -> None:
        """Receive the files one after another and land them on a few threads."""
        pending: set[Future[Manifest]] = set()
        with ThreadPoolExecutor(self.workers) as pool:
            try:
                for file in files:
                    future = self._submit(pool, file)
                    if future:
                        pending.add(future)
                    if len(pending) >= 2 * self.workers:
                        self._collect(pending, next(as_completed(pending)))
                for future in as_completed(set(pending)):
                    self._collect(pending, future)
            except SourceRefused as refusal:  # the archive itself is damaged: what came out of it lands
                for future in as_completed(set(pending)):
                    self._collect(pending, future)
                self.report.refused.append(refusal)
            except OSError as error:
                raise explain_disk(error, self.workspace.lake) from error

    def _submit(self, pool: ThreadPoolExecutor, file: SourceFile) -> Future[Manifest] | None:
        try:
            spec = self._spec(file.name)
            received = receive(file, incoming_folder(self.workspace))
            replaced = self._to_replace(received, spec)
        except SourceRefused as refusal:
            self._refuse(file.name, refusal)
            return None
        if replaced == received.sha256:
            self.report.unchanged.append(file.name)
            remove(received)
            self.progress(file.name)
            return None
        return pool.submit(self._land, received, spec, replaced)

    def _spec(self, name: str) -> SourceSpec:
        table = name.removesuffix(".sql")
        if name.endswith(".sql") and table in self.folder.dataset.reference:
            return SourceSpec.model_validate({"files": name, "columns": ["-"], "tables": [table]})
        return self.folder.source_for(name)

    def _to_replace(self, received: Received, spec: SourceSpec) -> str | None:
        """Return the batch to replace, ``None`` for a new file, or the file's own hash where nothing is to be done."""
        before = self._live.get(received.name)
        current_mapping = before is None or before.mapping_sha256 == self.folder.mapping_sha256(spec.tables)
        if before and before.sha256 == received.sha256:
            self.report.outdated_mappings += not (current_mapping or self.remap)
            return before.batch_id if self.remap and not current_mapping else received.sha256
        if before and not (self.replace or received.name.endswith(".sql")):
            remove(received)
            raise SourceRefused(
                f"{received.name}: the content differs from what landed on {before.landed_at[:10]} under this name.",
                code="source_changed",
                next_action="Use --replace to let the new content supersede the old, which stays in the lake.",
            )
        twin = self._by_content.get(received.sha256)
        if twin and twin.source != received.name:
            remove(received)
            raise SourceRefused(
                f"{received.name}: the same content landed as {twin.source}.",
                code="source_repeated",
                next_action="Leave the file out; landing it would count its rows twice.",
            )
        return before.batch_id if before else None

    def _land(self, received: Received, spec: SourceSpec, replaced: str | None) -> Manifest:
        connection = self._connection()
        batch_id = self._new_id(received)
        landed_at = self.clock().replace(tzinfo=None).isoformat(timespec="seconds")
        origin = Origin(received.name, batch_id, landed_at)
        rows, duplicates = self._offer(connection, received, spec)
        tables = {
            table: self._mapping(table).write(connection, origin, parquet_path(self.workspace, table, batch_id))
            for table in spec.tables
        }
        manifest = Manifest(
            batch_id=batch_id,
            dataset=self.folder.dataset.name,
            source=received.name,
            sha256=received.sha256,
            bytes=received.bytes,
            mapping_sha256=self.folder.mapping_sha256(spec.tables),
            rows=rows,
            duplicate_rows=duplicates,
            tables=tables,
            landed_at=landed_at,
            supersedes=replaced,
        )
        commit_batch(self.workspace, manifest, received.path)
        return manifest

    def _offer(
        self, connection: duckdb.DuckDBPyConnection, received: Received, spec: SourceSpec
    ) -> tuple[int, int | None]:
        """Give the file to the connection as the relation ``source``; return its rows and its exact repeats."""
        if received.name.endswith(".sql"):
            return 0, None
        if received.bytes <= IN_MEMORY_BYTES:
            table = pa.Table.from_batches(read_batches(received, spec))
            connection.register("source", table)
            rows = table.num_rows
        else:
            spooled = received.path.with_suffix(".spooled")
            rows = _spool(read_batches(received, spec), spooled)
            connection.read_parquet(str(spooled)).create_view("source", replace=True)
        if spec.format == "parquet":
            return rows, None
        [(duplicates,)] = connection.execute(DUPLICATES).fetchall()
        return rows, duplicates

    def _connection(self) -> duckdb.DuckDBPyConnection:
        if not hasattr(self._local, "connection"):
            self._local.connection = duckdb.connect(config={"threads": 1})
        connection: duckdb.DuckDBPyConnection = self._local.connection
        return connection

    def _mapping(self, table: str) -> Mapping:
        if table not in self._mappings:
            self._mappings[table] = Mapping(table, self.folder.mapping(table))
        return self._mappings[table]

    def _new_id(self, received: Received) -> str:
        revision = 1
        while (batch_id := new_batch_id(received.name, received.sha256, revision)) in self._ids:
            revision += 1
        return batch_id

    def _collect(self, pending: set[Future[Manifest]], future: Future[Manifest]) -> None:
        pending.discard(future)
        try:
            manifest = future.result()
        except SourceRefused as refusal:
            self._refuse(refusal.message.split(",")[0].split(":")[0], refusal)
            return
        self.report.landed.append(manifest)
        self.progress(manifest.source)

    def _refuse(self, name: str, refusal: SourceRefused) -> None:
        self.report.refused.append(refusal)
        self.progress(name)


def _spool(batches: Iterator[pa.RecordBatch], path: Path) -> int:
    first = next(batches)
    rows = int(first.num_rows)
    with pq.ParquetWriter(path, first.schema, compression="lz4") as writer:
        writer.write_batch(first)
        for batch in batches:
            writer.write_batch(batch)
            rows += batch.num_rows
    return rows


def _with_reference(folder: DatasetFolder, files: Iterator[SourceFile]) -> Iterator[SourceFile]:
    for table in folder.dataset.reference:
        yield _plain_file(f"{table}.sql", folder.folder / f"{table}.sql")
    yield from files


def _kept_files(workspace: Workspace) -> Iterator[SourceFile]:
    for manifest in live_batches(workspace):
        kept = raw_folder(workspace, manifest.batch_id) / Path(manifest.source).name
        yield _plain_file(manifest.source, kept)


def _plain_file(name: str, path: Path) -> SourceFile:
    def opened() -> IO[bytes]:
        return path.open("rb")

    return SourceFile(name, opened)


def _summarise(landing: _Landing) -> LoadReport:
    report = landing.report
    batches = live_batches(landing.workspace)
    report.landed.sort(key=lambda manifest: manifest.source)
    report.batches = len(batches)
    for batch in batches:
        report.rows += batch.rows
        report.duplicate_rows += batch.duplicate_rows or 0
        for table, counts in batch.tables.items():
            report.tables[table] = report.tables.get(table, 0) + counts.rows
            report.invalid[table] = report.invalid.get(table, 0) + counts.invalid
    report_sql = landing.folder.report_sql()
    if report_sql and batches:
        report.figures = _figures(landing.workspace, batches, report_sql)
    return report


def _figures(workspace: Workspace, batches: list[Manifest], report_sql: str) -> dict[str, str]:
    """Run the dataset's own report over bronze: figures to hold against what its publisher states."""
    with duckdb.connect() as connection:
        create_bronze_views(connection, workspace, batches)
        connection.execute("USE bronze")
        return {str(figure): str(value) for figure, value in connection.execute(report_sql).fetchall()}
