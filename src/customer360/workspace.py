"""One workspace on disk: its paths, its one writer and how its files change.

Invariant: a file that others read is only ever replaced whole (written beside, synced, renamed, folder synced), and
only by the process that holds the writer's lock.

    workspace.yml                       the dataset this workspace holds
    config.toml                         settings of this workspace (optional)
    lake/raw/<batch>/                   each file as received
    lake/<table>/<batch>.parquet        bronze rows
    lake/manifests/<batch>.json         one per batch; a batch exists when its manifest does
    builds/<id>/                        warehouse.duckdb, build.json, dbt artifacts, semantic model
    builds/current.json                 the pointer to the published build
    models/  store.db  exports/  reports/  logs/
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from customer360.errors import Conflict, NotFound, Unavailable, WorkspaceBusy
from customer360.settings import SnowflakeSettings, WorkspaceSettings, load

FORMAT = 1
WITHOUT_DATASET = {
    "name": "apis",
    "title": "Customers of APIs",
    "currency": "USD",
    "locale": "en_US",
    "time_zone": "UTC",
    "holidays": "",
    "fiscal_year_start_month": 1,
    "rules": {},
    "type_2_attributes": [],
}
"""The definition of a workspace that holds customers of APIs alone; the first load of a dataset names it."""
LOCK_WAIT_SECONDS = 5.0


@dataclass(frozen=True)
class Workspace:
    """The folder of one workspace, and the account that its builds are on; creating the object touches nothing."""

    home: Path
    account: SnowflakeSettings | None = None
    """Snowflake, where that is the engine; otherwise builds are files in the folder."""

    @classmethod
    def of(cls, settings: WorkspaceSettings) -> Workspace:
        """Return the workspace that the settings say, with the account that it needs."""
        return cls(settings.home, load(SnowflakeSettings) if settings.engine == "snowflake" else None)

    @property
    def description(self) -> Path:
        return self.home / "workspace.yml"

    @property
    def lake(self) -> Path:
        return self.home / "lake"

    @property
    def builds(self) -> Path:
        return self.home / "builds"

    @property
    def models(self) -> Path:
        return self.home / "models"

    @property
    def store(self) -> Path:
        return self.home / "store.db"

    @property
    def logs(self) -> Path:
        return self.home / "logs"

    def describe(self) -> dict[str, Any]:
        """Return what ``workspace.yml`` holds, or :data:`WITHOUT_DATASET` where only APIs were read.

        Raises:
            NotFound: nothing was loaded here yet.
            Conflict: the workspace was written by another major format.
        """
        try:
            content = yaml.safe_load(self.description.read_text(encoding="utf-8"))
        except FileNotFoundError:
            if any((self.lake / "manifests").glob("*.json")):
                return {"format": FORMAT, "dataset": WITHOUT_DATASET["name"], "definition": WITHOUT_DATASET}
            raise NotFound(
                f"The workspace {self.home} is empty.",
                code="workspace_empty",
                next_action="Load a dataset first: customer360 load online_retail --from PATH, or customer360 up. "
                "Customers of an API come with customer360 ingest.",
            ) from None
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise _damaged(self.description) from error
        if not isinstance(content, dict):
            raise _damaged(self.description)
        if content.get("format") != FORMAT:
            raise Conflict(
                f"The workspace {self.home} has format {content.get('format')}, this version reads format {FORMAT}.",
                code="workspace_format",
                next_action="Load the data into a new workspace: CUSTOMER360_HOME=… customer360 load …",
            )
        return content

    @contextmanager
    def writing(self, *, wait: float = LOCK_WAIT_SECONDS) -> Iterator[int]:
        """Hold the one writer's lock; yields the descriptor so that a child process can share it.

        Raises:
            WorkspaceBusy: another process writes and did not finish within ``wait`` seconds.
        """
        self.home.mkdir(parents=True, exist_ok=True)
        with locked(self.home, exclusive=True, wait=wait) as descriptor:
            if descriptor is None:
                raise WorkspaceBusy(
                    f"Another process is loading, building or pruning in {self.home}.",
                    next_action="Wait for it to end and try again; readers are not affected.",
                )
            yield descriptor


def _damaged(path: Path) -> Conflict:
    return Conflict(
        f"{path} cannot be read.",
        code="workspace_damaged",
        next_action="Restore the file from a backup, or load the data into a new workspace: CUSTOMER360_HOME=… .",
    )


@contextmanager
def locked(folder: Path, *, exclusive: bool, wait: float = 0.0) -> Iterator[int | None]:
    """Lock a folder (``flock``) while the block runs; yields ``None`` when somebody else holds it.

    The lock belongs to the open descriptor: it ends with the process, however that ends.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield descriptor if _acquire(descriptor, exclusive=exclusive, wait=wait) else None
    finally:
        os.close(descriptor)


def _acquire(descriptor: int, *, exclusive: bool, wait: float) -> bool:
    operation = (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB
    deadline = time.monotonic() + wait
    while True:
        try:
            fcntl.flock(descriptor, operation)
            return True
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.05)


def replace_file(path: Path, write: Callable[[Path], None]) -> None:
    """Replace ``path`` whole: ``write`` fills a file beside it, which is synced and renamed over it.

    Raises:
        Unavailable: the disk is full; the old file is untouched.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        write(beside)
        sync(beside)
        beside.replace(path)
        sync(path.parent)
    except OSError as error:
        raise explain_disk(error, path) from error
    finally:
        beside.unlink(missing_ok=True)


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Replace ``path`` with ``content`` as readable JSON."""
    text = json.dumps(content, indent=2, ensure_ascii=False, default=str) + "\n"
    replace_file(path, lambda beside: _write_text(beside, text))


def write_yaml(path: Path, content: dict[str, Any]) -> None:
    """Replace ``path`` with ``content`` as YAML."""
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
    replace_file(path, lambda beside: _write_text(beside, text))


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def sync(path: Path) -> None:
    """Make a file's content, or a folder's entries, survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file's content, in hexadecimal."""
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def explain_disk(error: OSError, path: Path) -> Exception:
    """Turn "no space left" into an error a user can act on; return any other error as it is."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Unavailable(
            f"The disk that holds {path.parent} is full.",
            code="disk_full",
            next_action="Free some space (customer360 builds prune removes old builds) and run the command again.",
        )
    return error
