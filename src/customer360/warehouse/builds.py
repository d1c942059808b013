"""Builds: private until they pass, one pointer to the published one, readers that pin.

Where a build's tables, its record and the pointer lie is each engine's own: a file and JSON beside it
(:mod:`customer360.warehouse.duckdb_builds`), or schemas and rows (:mod:`customer360.warehouse.snowflake_builds`).
"""

from __future__ import annotations

import os
import secrets
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from customer360.clock import Clock, utc_now
from customer360.errors import Conflict, Gone, NotFound, Unavailable
from customer360.settings import SEMANTIC_MODELS
from customer360.warehouse.base import Warehouse
from customer360.workspace import Workspace, locked

FORMAT = 1
KEPT_OPEN = 3

Progress = Callable[[str], None]


@dataclass(frozen=True)
class BuildRecord:
    """What ``build.json`` says of a build; times are UTC, durations seconds."""

    build_id: str
    status: str
    """running, passed, failed or interrupted."""
    started_at: str
    dataset: dict[str, Any]
    batches: list[str]
    version: str
    format: int = FORMAT
    finished_at: str | None = None
    as_of_date: str | None = None
    tables: dict[str, dict[str, Any]] = field(default_factory=dict)
    """``schema.table`` → rows and primary_key."""
    durations: dict[str, float] = field(default_factory=dict)
    failures: list[dict[str, Any]] = field(default_factory=list)
    source_rows: dict[str, int] = field(default_factory=dict)
    """Batch of a source → rows it held when the build began."""
    models_sha256: str = ""
    carried_from: str | None = None
    """Build whose facts were carried over, so that only new batches were read."""
    made_anew_because: str | None = None
    """Why the facts were not carried over from the build that was published."""
    appended_builds: int = 0
    """Builds in a row that carried their facts, this one included."""
    models: dict[str, str] = field(default_factory=dict)
    """Kind of model → version that scored its customers."""
    churn_days: int = 60
    """Within how many days its scores say that customers leave."""

    @property
    def as_of(self) -> date:
        """The day this build calls today."""
        return date.fromisoformat(self.as_of_date or "1970-01-01")


def read_record(content: dict[str, Any]) -> BuildRecord:
    """Return the record that a build was kept as.

    Raises:
        Conflict: it was written by another major format.
    """
    if content.get("format") != FORMAT:
        raise Conflict(
            f"Build {content.get('build_id')} has format {content.get('format')}; this version reads format {FORMAT}.",
            code="build_format",
            next_action="Build again: customer360 build.",
        )
    return BuildRecord(**content)


def read_models(folder: Path) -> dict[str, str]:
    """Return the texts of the semantic models in a build's folder; an older build may lack one."""
    files = {name: folder / f"{name}.yaml" for name in SEMANTIC_MODELS}
    return {name: file.read_text(encoding="utf-8") for name, file in files.items() if file.is_file()}


@dataclass(frozen=True)
class Batch:
    """A batch of the lake: what its manifest says, and the Parquet file of each table."""

    manifest: Mapping[str, Any]
    files: Mapping[str, Path]

    @property
    def batch_id(self) -> str:
        return str(self.manifest["batch_id"])


@dataclass(frozen=True)
class OpenBuild:
    """A published build while somebody reads it; ``models`` are the texts of its semantic models, by name."""

    record: BuildRecord
    warehouse: Warehouse
    models: Mapping[str, str]
    schema_suffix: str = ""
    """What the names of the build's schemas end with, beyond what the model says."""

    @property
    def build_id(self) -> str:
        return self.record.build_id

    @property
    def mark(self) -> str:
        """What stands before the number of a bound value in SQL."""
        return "$" if self.warehouse.dialect == "duckdb" else ":"


class Builds(ABC):
    """The builds of a workspace; an instance keeps the last few open for its readers."""

    def __init__(self, workspace: Workspace, *, threads: int = 2, memory: str = "2GB") -> None:
        self.workspace = workspace
        self._threads, self._memory = threads, memory
        self._open: dict[str, _Pinned] = {}
        self._guard = threading.Lock()

    @property
    def engine_limits(self) -> dict[str, str | bool | int | float | list[str]]:
        """How much of the machine an engine that works on several builds may take, and where it spills."""
        spill = self.workspace.builds / ".spill"
        return {"threads": self._threads, "memory_limit": self._memory, "temp_directory": str(spill)}

    def folder(self, build_id: str) -> Path:
        """Return where the process that makes a build works; its readers lock it."""
        return self.workspace.builds / build_id

    def new(self, dataset: dict[str, Any], batches: list[str], version: str, clock: Clock = utc_now) -> BuildRecord:
        """Open a new build; nobody reads it before it is published."""
        now = clock()
        build_id = f"b{now:%Y%m%dt%H%M%S}_{secrets.token_hex(2)}"
        record = BuildRecord(build_id, "running", now.isoformat(timespec="milliseconds"), dataset, batches, version)
        self.write(record)
        return record

    @contextmanager
    def writing(self) -> Iterator[int]:
        """Be the only process that loads, builds or prunes; yields a lock that a child process can share.

        Raises:
            WorkspaceBusy: another process is.
        """
        with self.workspace.writing() as lock:
            yield lock

    @abstractmethod
    def copy_bronze(self, batches: Iterable[Batch], progress: Progress) -> None:
        """Bring what landed to where builds read it.

        Raises:
            Unavailable: the engine gave no answer; nothing was copied, and the next load or build goes on.
        """

    @abstractmethod
    def write(self, record: BuildRecord) -> None:
        """Replace what is known of a build."""

    @abstractmethod
    def get(self, build_id: str) -> BuildRecord:
        """Return what is known of a build.

        Raises:
            NotFound: there is none of that id.
            Conflict: it was written by another major format.
        """

    @abstractmethod
    def records(self) -> list[BuildRecord]:
        """Return every build, newest first; one whose process died is shown as interrupted."""

    @abstractmethod
    def current_id(self) -> str:
        """Return the id of the published build.

        Raises:
            Unavailable: nothing was published yet.
        """

    @abstractmethod
    def known_id(self) -> str | None:
        """Return the id of the published build as far as this process knows it without asking a server."""

    def publish(self, build_id: str, clock: Clock = utc_now) -> None:
        """Let every reader that comes from now on read this build: one atomic change of the pointer."""
        record = self.get(build_id)
        if record.status != "passed" or not self._has_tables(record):
            raise Conflict(
                f"Build {build_id} is {record.status} and cannot be published.",
                code="build_not_passed",
                next_action="Choose one that passed; customer360 builds lists them.",
            )
        self._point_to(build_id, clock)

    @abstractmethod
    def _point_to(self, build_id: str, clock: Clock) -> None: ...

    def is_kept(self, build_id: str) -> bool:
        """Tell whether a build's tables are still there."""
        try:
            return self._has_tables(self.get(build_id))
        except NotFound:
            return False

    @abstractmethod
    def _has_tables(self, record: BuildRecord) -> bool: ...

    def before_current(self) -> str:
        """Return the newest build that passed before the published one.

        Raises:
            NotFound: there is none to go back to.
        """
        current = self.current_id()
        older = [r.build_id for r in self.records() if r.status == "passed" and r.build_id < current]
        if not older:
            raise NotFound("There is no older build to go back to.", code="build_not_found")
        return older[0]

    @abstractmethod
    def sweep(self) -> None:
        """Mark builds whose process died as interrupted and free their space; the caller is the only writer."""

    @abstractmethod
    def discard(self, build_id: str) -> None:
        """Free the space of a build that nobody will read; what is known of it stays."""

    def prune(self, keep: int) -> list[str]:
        """Remove all but the newest ``keep`` builds that passed, sparing the published one and those in use.

        Of the builds that did not pass, as many records are kept. Returns the ids removed.
        """
        current = self.current_id()
        passed = [r.build_id for r in self.records() if r.status == "passed" and r.build_id != current]
        others = [r.build_id for r in self.records() if r.status not in ("passed", "running")]
        return [build_id for build_id in passed[keep - 1 :] + others[keep:] if self._remove_unused(build_id)]

    def _remove_unused(self, build_id: str) -> bool:
        folder = self.folder(build_id)
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder, exclusive=True) as lock:
            if lock is None:
                return False
            self._remove(build_id)
            return True

    @abstractmethod
    def _remove(self, build_id: str) -> None: ...

    @contextmanager
    def pin(self, build_id: str | None = None) -> Iterator[OpenBuild]:
        """Read one build from start to end: the published one, or an older one by its id.

        Raises:
            Unavailable: nothing is published.
            Gone: the build was pruned.
        """
        pinned = self._acquire(build_id or self.current_id())
        try:
            yield pinned.build
        finally:
            with self._guard:
                pinned.readers -= 1

    def _acquire(self, build_id: str) -> _Pinned:
        with self._guard:
            pinned = self._open.get(build_id)
            if pinned is None:
                self._close_unused()
                pinned = self._open[build_id] = self._open_build(build_id)
            pinned.readers += 1
            return pinned

    def _close_unused(self) -> None:
        for build_id, pinned in list(self._open.items()):
            if len(self._open) < KEPT_OPEN:
                break
            if pinned.readers == 0:
                self._open.pop(build_id).resources.close()

    def _open_build(self, build_id: str) -> _Pinned:
        with ExitStack() as stack:
            record = stack.enter_context(self.hold(build_id))
            return _Pinned(self._read(record, stack), stack.pop_all())

    @abstractmethod
    def _read(self, record: BuildRecord, resources: ExitStack) -> OpenBuild:
        """Open a build that is held; what has to be closed goes to ``resources``."""

    @contextmanager
    def hold(self, build_id: str) -> Iterator[BuildRecord]:
        """Keep a build from being pruned by this machine while the block works with its tables.

        Raises:
            Gone: the build was pruned, or never passed.
        """
        folder = self.folder(build_id)
        with ExitStack() as stack:
            try:
                lock = stack.enter_context(locked(folder, exclusive=False))
                if lock is None or os.fstat(lock).st_ino != folder.stat().st_ino:
                    raise FileNotFoundError(folder)
                record = self.get(build_id)
            except (FileNotFoundError, NotFound):
                raise gone(build_id) from None
            if not self._has_tables(record):
                raise gone(build_id)
            yield record

    @abstractmethod
    def attach(
        self, connection: duckdb.DuckDBPyConnection, side: str, record: BuildRecord, tables: Collection[str]
    ) -> None:
        """Give a DuckDB connection tables of a build that is held, read-only, in a catalogue named ``side``."""

    def close(self) -> None:
        """Let go of every open build."""
        with self._guard:
            for pinned in self._open.values():
                pinned.resources.close()
            self._open.clear()


def nothing_published() -> Unavailable:
    """Return the error that says so."""
    return Unavailable(
        "Nothing is published yet.",
        code="nothing_published",
        next_action="Load a dataset and build it: customer360 load …, then customer360 build.",
    )


def gone(build_id: str) -> Gone:
    """Return the error that says that a build was pruned."""
    return Gone(
        f"Build {build_id} is not kept.",
        code="build_gone",
        next_action="Ask again without a build or cursor, and you read the published one.",
    )


@dataclass
class _Pinned:
    build: OpenBuild
    resources: ExitStack
    readers: int = 0
