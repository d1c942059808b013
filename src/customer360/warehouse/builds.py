"""Builds on disk: a private file until it passes, one atomic pointer to the published one, readers that pin.

Invariant: ``current.json`` names a build that passed its gate and is complete. A reader locks the folder of the build
it reads (shared); pruning takes the same lock exclusively and spares what it cannot have.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from customer360.clock import Clock, utc_now
from customer360.errors import Conflict, Gone, NotFound, Unavailable, did_you_mean
from customer360.warehouse.base import Warehouse
from customer360.warehouse.duckdb import DuckDBWarehouse
from customer360.workspace import Workspace, locked, write_json

FORMAT = 1
FILE = "warehouse.duckdb"
MODEL_FILE = "customer_analytics.yaml"
KEPT_OPEN = 3


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

    @property
    def as_of(self) -> date:
        """The day this build calls today."""
        return date.fromisoformat(self.as_of_date or "1970-01-01")


@dataclass(frozen=True)
class OpenBuild:
    """A published build while somebody reads it."""

    record: BuildRecord
    warehouse: Warehouse
    folder: Path

    @property
    def build_id(self) -> str:
        return self.record.build_id


class Builds:
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
        return self.workspace.builds / build_id

    def new(self, dataset: dict[str, Any], batches: list[str], version: str, clock: Clock = utc_now) -> BuildRecord:
        """Open a folder for a new build; nobody reads it before it is published."""
        now = clock()
        build_id = f"b{now:%Y%m%dt%H%M%S}_{secrets.token_hex(2)}"
        record = BuildRecord(build_id, "running", now.isoformat(timespec="milliseconds"), dataset, batches, version)
        self.write(record)
        return record

    def write(self, record: BuildRecord) -> None:
        """Replace the build's ``build.json``."""
        write_json(self.folder(record.build_id) / "build.json", asdict(record))

    def get(self, build_id: str) -> BuildRecord:
        """Return what is known of a build.

        Raises:
            NotFound: there is none of that id.
            Conflict: it was written by another major format.
        """
        try:
            content = json.loads((self.folder(build_id) / "build.json").read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            known = [record.build_id for record in self.records()]
            raise NotFound(
                f"There is no build {build_id!r}.", code="build_not_found", next_action=did_you_mean(build_id, known)
            ) from None
        if content.get("format") != FORMAT:
            raise Conflict(
                f"Build {build_id} has format {content.get('format')}; this version reads format {FORMAT}.",
                code="build_format",
                next_action="Build again: customer360 build.",
            )
        return BuildRecord(**content)

    def records(self) -> list[BuildRecord]:
        """Return every build, newest first; one whose process died is shown as interrupted."""
        records = [self.get(path.parent.name) for path in self.workspace.builds.glob("b*/build.json")]
        return sorted(records, key=lambda record: record.build_id, reverse=True)

    def current_id(self) -> str:
        """Return the id of the published build.

        Raises:
            Unavailable: nothing was published yet.
        """
        try:
            pointer = json.loads((self.workspace.builds / "current.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise Unavailable(
                "Nothing is published yet.",
                code="nothing_published",
                next_action="Load a dataset and build it: customer360 load …, then customer360 build.",
            ) from None
        return str(pointer["build_id"])

    def publish(self, build_id: str, clock: Clock = utc_now) -> None:
        """Let every reader that comes from now on read this build: one atomic swap of the pointer."""
        record = self.get(build_id)
        if record.status != "passed" or not (self.folder(build_id) / FILE).is_file():
            raise Conflict(
                f"Build {build_id} is {record.status} and cannot be published.",
                code="build_not_passed",
                next_action="Choose one that passed; customer360 builds lists them.",
            )
        published_at = clock().isoformat(timespec="seconds")
        write_json(self.workspace.builds / "current.json", {"build_id": build_id, "published_at": published_at})

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

    def sweep(self) -> None:
        """Mark builds whose process died as interrupted and free their space; the caller holds the writer's lock."""
        for record in self.records():
            if record.status == "running":
                self.write(BuildRecord(**asdict(record) | {"status": "interrupted"}))
                self.discard(record.build_id)
        for trash in self.workspace.builds.glob(".pruned-*"):
            shutil.rmtree(trash, ignore_errors=True)

    def discard(self, build_id: str) -> None:
        """Free the space of a build that nobody will read; its ``build.json`` stays."""
        for path in self.folder(build_id).iterdir():
            if path.name != "build.json":
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def prune(self, keep: int) -> list[str]:
        """Remove all but the newest ``keep`` builds that passed, sparing the published one and those in use.

        Of the builds that did not pass, as many records are kept. Returns the ids removed.
        """
        current = self.current_id()
        passed = [r.build_id for r in self.records() if r.status == "passed" and r.build_id != current]
        others = [r.build_id for r in self.records() if r.status not in ("passed", "running")]
        return [build_id for build_id in passed[keep - 1 :] + others[keep:] if self._remove(build_id)]

    def _remove(self, build_id: str) -> bool:
        folder = self.folder(build_id)
        with locked(folder, exclusive=True) as lock:
            if lock is None:
                return False
            trash = folder.with_name(f".pruned-{build_id}")
            folder.rename(trash)
            shutil.rmtree(trash, ignore_errors=True)
            return True

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
            folder = self.folder(build_id)
            warehouse = DuckDBWarehouse(folder / FILE, threads=self._threads, memory=self._memory)
            stack.callback(warehouse.close)
            return _Pinned(OpenBuild(record, warehouse, folder), stack.pop_all())

    @contextmanager
    def hold(self, build_id: str) -> Iterator[BuildRecord]:
        """Keep a build from being pruned while the block works with its files.

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
                raise _gone(build_id) from None
            if not (folder / FILE).is_file():
                raise _gone(build_id)
            yield record

    def close(self) -> None:
        """Let go of every open build."""
        with self._guard:
            for pinned in self._open.values():
                pinned.resources.close()
            self._open.clear()


def _gone(build_id: str) -> Gone:
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
