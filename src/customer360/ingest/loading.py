"""Lands the files of a dataset: one batch per file, each whole or not at all, the same file never twice."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import duckdb

from customer360.clock import Clock, utc_now
from customer360.errors import InvalidDefinition, SourceRefused
from customer360.ingest.datasets import DatasetFolder, SourceSpec
from customer360.ingest.files import Received, SourceFile, list_sources, plain_file, receive, remove
from customer360.ingest.landing import Arrival, Lander, claim, is_reference
from customer360.lake import (
    Manifest,
    create_bronze_views,
    incoming_folder,
    live_batches,
    live_manifests,
    new_batch_id,
    raw_folder,
    read_manifests,
    sweep,
)
from customer360.workspace import Workspace, explain_disk

GROUP_BYTES = 2 << 20
GROUP_FILES = 64

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
        self._lander = Lander(workspace, folder, clock)
        if workspace.description.exists():
            claim(workspace, folder, clock)
        sweep(workspace)
        manifests = read_manifests(workspace)
        self._live = {manifest.source: manifest for manifest in live_manifests(manifests)}
        self._ids = {manifest.batch_id for manifest in manifests}
        self._group: list[Arrival] = []
        self._pending: dict[Future[list[Manifest | SourceRefused]], list[Arrival]] = {}

    @cached_property
    def workers(self) -> int:
        return max(2, os.cpu_count() or 2)

    def run(self, files: Iterator[SourceFile]) -> None:
        """Receive the files one after another and land them on a few threads, small ones together."""
        with ThreadPoolExecutor(self.workers) as pool:
            try:
                self._receive_all(pool, files)
                self._collect(pool)
            except OSError as error:
                raise explain_disk(error, self.workspace.lake) from error

    def finish(self) -> LoadReport:
        """Land the reference tables beside the files, and say what was done."""
        if self._live:
            self.run(_reference_files(self.folder))
        return _summarise(self)

    def _receive_all(self, pool: ThreadPoolExecutor, files: Iterator[SourceFile]) -> None:
        try:
            for file in files:
                self._receive(pool, file)
                self._wait(2 * self.workers - 1)
        except SourceRefused as refusal:  # the archive itself is damaged: what came out of it lands
            self.report.refused.append(refusal)

    def _receive(self, pool: ThreadPoolExecutor, file: SourceFile) -> None:
        if any(arriving.name == file.name for arriving in self._arriving()):
            self._collect(pool)
        try:
            spec = self._spec(file.name)
            received = receive(file, incoming_folder(self.workspace))
            if any(arriving.sha256 == received.sha256 for arriving in self._arriving()):
                self._collect(pool)
            replaced = self._to_replace(received, spec)
        except SourceRefused as refusal:
            self._refuse(file.name, refusal)
            return
        if replaced == received.sha256:
            self.report.unchanged.append(file.name)
            remove(received)
            self.progress(file.name)
            return
        self._add(pool, Arrival(received, spec, self._new_id(received), replaced))

    def _arriving(self) -> Iterator[Received]:
        for arrivals in (self._group, *self._pending.values()):
            yield from (arrival.received for arrival in arrivals)

    def _add(self, pool: ThreadPoolExecutor, arrival: Arrival) -> None:
        """Put a file to those it will land with; a file that is large, or must be mapped alone, is a group itself."""
        size = sum(other.received.bytes for other in self._group) + arrival.received.bytes
        if self._group and (self._group[0].spec != arrival.spec or size > GROUP_BYTES):
            self._submit(pool)
        self._group.append(arrival)
        if len(self._group) == GROUP_FILES or not self._lander.takes_several(arrival.spec):
            self._submit(pool)

    def _submit(self, pool: ThreadPoolExecutor) -> None:
        if self._group:
            self._pending[pool.submit(self._lander.land, self._group)] = self._group
            self._group = []

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
        if before and self.remap and not is_reference(spec):
            remove(received)
            raise SourceRefused(
                f"{received.name}: the copy kept in the lake is not what landed; the disk may be damaged.",
                next_action="Load the file again from its source with --replace.",
            )
        if before and not (self.replace or is_reference(spec)):
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

    def _new_id(self, received: Received) -> str:
        revision = 1
        while (batch_id := new_batch_id(received.name, received.sha256, revision)) in self._ids:
            revision += 1
        self._ids.add(batch_id)
        return batch_id

    def _collect(self, pool: ThreadPoolExecutor) -> None:
        """Land what is received so far."""
        self._submit(pool)
        self._wait(0)

    def _wait(self, most_pending: int) -> None:
        """Wait until at most so many groups are still landing, and note what became of the others."""
        while len(self._pending) > most_pending:
            done, _ = wait(self._pending, return_when=FIRST_COMPLETED)
            for future in done:
                for arrival, outcome in zip(self._pending.pop(future), future.result(), strict=True):
                    self._note(arrival.received.name, outcome)

    def _note(self, name: str, outcome: Manifest | SourceRefused) -> None:
        if isinstance(outcome, SourceRefused):
            self._refuse(name, outcome)
            return
        self.report.landed.append(outcome)
        self._live[outcome.source] = outcome
        self.progress(name)

    def _refuse(self, name: str, refusal: SourceRefused) -> None:
        refusal.source = name
        self.report.refused.append(refusal)
        self.progress(name)


def _reference_files(folder: DatasetFolder) -> Iterator[SourceFile]:
    for table in folder.dataset.reference:
        yield plain_file(f"{table}.sql", folder.folder / f"{table}.sql")


def _kept_files(workspace: Workspace, folder: DatasetFolder) -> Iterator[SourceFile]:
    for manifest in live_batches(workspace):
        of_files = manifest.dataset == folder.dataset.name  # what an API gave is not the dataset's to map
        kept = not (manifest.is_snapshot or manifest.is_correction or manifest.transactions_dropped_on)
        if of_files and kept and manifest.source.removesuffix(".sql") not in folder.dataset.reference:
            yield plain_file(manifest.source, raw_folder(workspace, manifest.batch_id) / Path(manifest.source).name)


def _summarise(landing: _Landing) -> LoadReport:
    report = landing.report
    live = live_batches(landing.workspace)
    batches = [manifest for manifest in live if not (manifest.is_snapshot or manifest.is_correction)]
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
