"""Lands the files of a dataset: one batch per file, each whole or not at all, the same file never twice."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from customer360.clock import Clock, utc_now
from customer360.errors import Conflict, InvalidDefinition, SourceRefused
from customer360.ingest.datasets import DatasetFolder, SourceSpec
from customer360.ingest.files import Received, SourceFile, list_sources, plain_file, receive, remove
from customer360.ingest.mapping import Mapping, Offered, Origin
from customer360.ingest.reading import LINE, read_batches
from customer360.lake import (
    Manifest,
    commit_batch,
    create_bronze_views,
    discard_batch,
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
    sources = list_sources(path)
    with workspace.writing():
        landing = _Landing(workspace, folder, replace, clock, progress)
        landing.run(sources)
        return landing.finish()


def remap_dataset(
    workspace: Workspace, folder: DatasetFolder, *, clock: Clock = utc_now, progress: Progress = lambda _: None
) -> LoadReport:
    """Map the kept files of the live batches anew, where the dataset's mapping changed since they landed.

    Raises:
        NotFound: nothing was loaded into the workspace yet.
        Conflict: the workspace holds another dataset.
        WorkspaceBusy: another process writes.
    """
    workspace.describe()
    with workspace.writing():
        landing = _Landing(workspace, folder, True, clock, progress, remap=True)
        landing.run(_kept_files(workspace, folder))
        return landing.finish()


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
    """One run over a list of files; several land at the same time. The caller holds the writer's lock."""

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
        self._mappings = _check_mappings(folder)
        if workspace.description.exists():
            claim(workspace, folder, clock)
        sweep(workspace)
        manifests = read_manifests(workspace)
        self._live = {manifest.source: manifest for manifest in live_manifests(manifests)}
        self._ids = {manifest.batch_id for manifest in manifests}
        self._pending: dict[Future[Manifest], Received] = {}
        self._local = threading.local()
        self._naming = threading.Lock()

    @cached_property
    def workers(self) -> int:
        return max(2, os.cpu_count() or 2)

    def run(self, files: Iterator[SourceFile]) -> None:
        """Receive the files one after another and land them on a few threads."""
        with ThreadPoolExecutor(self.workers) as pool:
            try:
                self._submit_all(pool, files)
                self._collect()
            except OSError as error:
                raise explain_disk(error, self.workspace.lake) from error

    def finish(self) -> LoadReport:
        """Land the reference tables beside the files, and say what was done."""
        if self._live:
            self.run(_reference_files(self.folder))
        return _summarise(self)

    def _submit_all(self, pool: ThreadPoolExecutor, files: Iterator[SourceFile]) -> None:
        try:
            for file in files:
                self._submit(pool, file)
                self._collect(2 * self.workers - 1)
        except SourceRefused as refusal:  # the archive itself is damaged: what came out of it lands
            self.report.refused.append(refusal)

    def _submit(self, pool: ThreadPoolExecutor, file: SourceFile) -> None:
        if any(arriving.name == file.name for arriving in self._pending.values()):
            self._collect()
        try:
            spec = self._spec(file.name)
            received = receive(file, incoming_folder(self.workspace))
            if any(arriving.sha256 == received.sha256 for arriving in self._pending.values()):
                self._collect()
            replaced = self._to_replace(received, spec)
        except SourceRefused as refusal:
            self._refuse(file.name, refusal)
            return
        if replaced == received.sha256:
            self.report.unchanged.append(file.name)
            remove(received)
            self.progress(file.name)
            return
        self._pending[pool.submit(self._land, received, spec, replaced)] = received

    def _spec(self, name: str) -> SourceSpec:
        table = name.removesuffix(".sql")
        if name.endswith(".sql") and table in self.folder.dataset.reference:
            return SourceSpec.model_validate({"files": name, "columns": ["-"], "tables": [table]})
        return self.folder.source_for(name)

    def _to_replace(self, received: Received, spec: SourceSpec) -> str | None:
        """Return the batch to replace, ``None`` for a new file, or the file's own hash where nothing is to be done."""
        before = self._live.get(received.name)
        current_mapping = before is None or before.mapping_sha256 == self.folder.mapping_sha256(spec)
        if before and before.sha256 == received.sha256:
            self.report.outdated_mappings += not (current_mapping or self.remap)
            return before.batch_id if self.remap and not current_mapping else received.sha256
        if before and self.remap and not _is_reference(spec):
            remove(received)
            raise SourceRefused(
                f"{received.name}: the copy kept in the lake is not what landed; the disk may be damaged.",
                next_action="Load the file again from its source with --replace.",
            )
        if before and not (self.replace or _is_reference(spec)):
            remove(received)
            raise SourceRefused(
                f"{received.name}: the content differs from what landed on {before.landed_at[:10]} under this name.",
                code="source_changed",
                next_action="Use --replace to let the new content supersede the old, which stays in the lake.",
            )
        twin = next((m for m in self._live.values() if m.sha256 == received.sha256), None)
        if twin:
            remove(received)
            raise SourceRefused(
                f"{received.name}: the same content landed as {twin.source}.",
                code="source_repeated",
                next_action="Leave the file out; landing it would count its rows twice.",
            )
        return before.batch_id if before else None

    def _land(self, received: Received, spec: SourceSpec, replaced: str | None) -> Manifest:
        batch_id = self._new_id(received)
        try:
            manifest = self._map(received, spec, batch_id, replaced)
            self._name_workspace()
            commit_batch(self.workspace, manifest, received.path)
            return manifest
        except BaseException:
            discard_batch(self.workspace, batch_id)
            raise
        finally:
            remove(received)

    def _map(self, received: Received, spec: SourceSpec, batch_id: str, replaced: str | None) -> Manifest:
        """Write the batch's Parquet files and return the manifest that will make it exist."""
        landed_at = self.clock().replace(tzinfo=None).isoformat(timespec="seconds")
        origin = Origin(received.name, batch_id, landed_at)
        connection = self._connection()
        with _offered(connection, received, spec) as source:
            tables = {
                table: self._mappings[table].write(
                    connection, source, origin, parquet_path(self.workspace, table, batch_id)
                )
                for table in spec.tables
            }
        return Manifest(
            batch_id=batch_id,
            dataset=self.folder.dataset.name,
            source=received.name,
            sha256=received.sha256,
            bytes=received.bytes,
            mapping_sha256=self.folder.mapping_sha256(spec),
            rows=source.rows,
            duplicate_rows=source.repeats,
            tables=tables,
            landed_at=landed_at,
            supersedes=replaced,
        )

    def _name_workspace(self) -> None:
        """Name the dataset with the first batch that lands, so that a load of nothing binds nobody."""
        with self._naming:
            if not self.workspace.description.exists():
                claim(self.workspace, self.folder, self.clock)

    def _connection(self) -> duckdb.DuckDBPyConnection:
        if not hasattr(self._local, "connection"):
            self._local.connection = duckdb.connect(config={"threads": 1})
        connection: duckdb.DuckDBPyConnection = self._local.connection
        return connection

    def _new_id(self, received: Received) -> str:
        revision = 1
        while (batch_id := new_batch_id(received.name, received.sha256, revision)) in self._ids:
            revision += 1
        return batch_id

    def _collect(self, most_pending: int = 0) -> None:
        """Wait until at most so many files are still landing, and note what became of the others."""
        while len(self._pending) > most_pending:
            done, _ = wait(self._pending, return_when=FIRST_COMPLETED)
            for future in done:
                self._note(self._pending.pop(future), future)

    def _note(self, received: Received, future: Future[Manifest]) -> None:
        try:
            manifest = future.result()
        except SourceRefused as refusal:
            self._refuse(received.name, refusal)
            return
        self.report.landed.append(manifest)
        self._live[manifest.source] = manifest
        self._ids.add(manifest.batch_id)
        self.progress(manifest.source)

    def _refuse(self, name: str, refusal: SourceRefused) -> None:
        self.report.refused.append(refusal)
        self.progress(name)


def _is_reference(spec: SourceSpec) -> bool:
    return spec.files.endswith(".sql")


def _check_mappings(folder: DatasetFolder) -> dict[str, Mapping]:
    """Parse every mapping and try it on no rows, so that a fault in one is met before anything lands.

    A mapping that does not run on the listed columns may read others, or typed ones: that only the files can tell.
    """
    mappings = {table: Mapping(table, folder.mapping(table)) for table in folder.tables}
    with duckdb.connect(config={"threads": 1}) as connection:
        for table in folder.dataset.reference:
            mappings[table].check(connection)
        for source in folder.dataset.sources:
            columns = {column: pa.nulls(0, pa.string()) for column in source.columns}
            connection.register("source", pa.table({**columns, LINE: pa.nulls(0, pa.int64())}))
            for table in source.tables:
                if _runs(connection, folder.mapping(table)):
                    mappings[table].check(connection)
            connection.unregister("source")
    return mappings


def _runs(connection: duckdb.DuckDBPyConnection, select: str) -> bool:
    try:
        connection.sql(select)
    except duckdb.BinderException:
        return False
    return True


@contextmanager
def _offered(connection: duckdb.DuckDBPyConnection, received: Received, spec: SourceSpec) -> Iterator[Offered]:
    """Give the file to the connection as the relation ``source`` and take it back."""
    if _is_reference(spec):
        yield Offered(None, 0, None)
        return
    spooled = received.path.with_suffix(".spooled")
    try:
        if received.bytes <= IN_MEMORY_BYTES:
            table = pa.Table.from_batches(read_batches(received, spec))
            rows = table.num_rows
        else:
            import pyarrow.dataset as pa_dataset  # noqa: PLC0415  (brings pandas, which small files do without)

            rows = _spool(read_batches(received, spec), spooled)
            table = pa_dataset.dataset(spooled)
        connection.register("source", table)
        repeats = None if spec.format == "parquet" else connection.execute(DUPLICATES).fetchall()[0][0]
        yield Offered(table.schema, rows, repeats)
    finally:
        connection.unregister("source")
        spooled.unlink(missing_ok=True)


def _spool(batches: Iterator[pa.RecordBatch], path: Path) -> int:
    first = next(batches)
    rows = int(first.num_rows)
    with pq.ParquetWriter(path, first.schema, compression="lz4") as writer:
        writer.write_batch(first)
        for batch in batches:
            writer.write_batch(batch)
            rows += batch.num_rows
    return rows


def _reference_files(folder: DatasetFolder) -> Iterator[SourceFile]:
    for table in folder.dataset.reference:
        yield plain_file(f"{table}.sql", folder.folder / f"{table}.sql")


def _kept_files(workspace: Workspace, folder: DatasetFolder) -> Iterator[SourceFile]:
    for manifest in live_batches(workspace):
        if manifest.source.removesuffix(".sql") not in folder.dataset.reference:
            yield plain_file(manifest.source, raw_folder(workspace, manifest.batch_id) / Path(manifest.source).name)


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
        try:
            figures = connection.execute(report_sql).fetchall()
        except duckdb.Error as error:
            raise InvalidDefinition(f"report.sql does not run: {error}") from error
    return {str(figure): str(value) for figure, value in figures}
