"""The registry of churn models: a folder for each version, and one pointer to the version that scores customers.

    models/churn/<version>/model.json     what the version is, how it was judged, and its artefact's checksum
    models/churn/<version>/model.pkl      the fitted model; read only if its checksum is the one of model.json
    models/churn/<version>/card.html      the model card, and card.json, what it shows
    models/churn/champion.json            the version in use and those before it

A version exists when its model.json does; folder and pointer are each put in place by one rename. Versions are written
by one process at a time, so what a killed one left half-written is swept by the next.
"""

from __future__ import annotations

import json
import pickle
import secrets
import shutil
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from customer360 import __version__
from customer360.churn.fitted import FittedModel
from customer360.clock import Clock, utc_now
from customer360.errors import Conflict, NotFound, WorkspaceBusy, did_you_mean
from customer360.workspace import LOCK_WAIT_SECONDS, Workspace, hash_file, locked, sync, write_json

ARTEFACT, RECORD, CARD, POINTER = "model.pkl", "model.json", "card.html", "champion.json"
DESCRIPTION = "card.json"
PREFIX = "churn_"
"""What names of versions begin with; what is still being written does not."""
CANDIDATE, REFUSED, CHAMPION, RETIRED = "candidate", "refused", "champion", "retired"


@dataclass(frozen=True)
class ModelRecord:
    """What ``model.json`` says of a version; ``status`` is settled when it is read."""

    version: str
    engine: str
    trained_at: str
    build_id: str
    as_of_date: str
    cutoff_date: str
    """The cutoff that was held out: the newest one whose outcome was known."""
    seed: int
    rows: int
    holdout_rows: int
    metrics: dict[str, Any]
    """Of the holdout, each with ``estimate`` and ``interval``."""
    refused_because: list[str] = field(default_factory=list)
    artefact_sha256: str = ""
    code_version: str = __version__
    dataset: str = ""
    libraries: dict[str, str] = field(default_factory=dict)
    """Versions of what fitted it; an artefact is read with the same ones only."""
    leaving: dict[str, int] = field(default_factory=dict)
    """What counted as leaving where it learnt: ``days`` and ``spend_pct``; empty before that was kept."""
    status: str = CANDIDATE


@dataclass(frozen=True)
class Champion:
    """The pointer: the version in use, and those that were before it, the last first."""

    version: str | None = None
    promoted_at: str = ""
    before: tuple[str, ...] = ()


class Registry:
    """The versions of one workspace."""

    def __init__(self, workspace: Workspace) -> None:
        self.folder = workspace.models / "churn"

    def add(self, record: ModelRecord, model: FittedModel, card: str, described: dict[str, Any]) -> ModelRecord:
        """Keep a version whole or not at all, and sweep what killed processes left of others.

        Raises:
            WorkspaceBusy: another process keeps one and does not come to an end.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with locked(self.folder, exclusive=True, wait=LOCK_WAIT_SECONDS) as lock:
            if lock is None:
                raise WorkspaceBusy(
                    f"Another process is keeping a model in {self.folder}.",
                    next_action="Train again once it has ended: customer360 churn train.",
                )
            self._sweep()
            return self._write(record, model, card, described)

    def _sweep(self) -> None:
        for left in self.folder.glob(f".{PREFIX}*"):
            shutil.rmtree(left, ignore_errors=True)

    def _write(self, record: ModelRecord, model: FittedModel, card: str, described: dict[str, Any]) -> ModelRecord:
        scratch = self.folder / f".{record.version}"
        scratch.mkdir()
        try:
            (scratch / ARTEFACT).write_bytes(pickle.dumps(model, protocol=pickle.HIGHEST_PROTOCOL))
            sync(scratch / ARTEFACT)
            kept = replace(record, artefact_sha256=hash_file(scratch / ARTEFACT))
            (scratch / CARD).write_text(card, encoding="utf-8")
            write_json(scratch / DESCRIPTION, described)
            write_json(scratch / RECORD, asdict(kept))
            scratch.rename(self.folder / record.version)
            sync(self.folder)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        return kept

    def get(self, version: str) -> ModelRecord:
        """Return a version.

        Raises:
            NotFound: there is none of that name.
        """
        path = self.folder / version / RECORD
        if not version.startswith(PREFIX) or "/" in version or not path.is_file():
            raise NotFound(
                f"There is no churn model {version!r}.",
                code="model_not_found",
                next_action=did_you_mean(version, [record.version for record in self.list()])
                or "customer360 churn train trains one; customer360 churn models lists them.",
                details=[{"field": "version", "value": version, "message": "no such model"}],
            )
        return self._with_status(ModelRecord(**json.loads(path.read_text(encoding="utf-8"))), self.champion())

    def list(self) -> list[ModelRecord]:
        """Return every version, newest first."""
        paths = sorted(self.folder.glob(f"{PREFIX}*/{RECORD}"), reverse=True)
        champion = self.champion()
        return [
            self._with_status(ModelRecord(**json.loads(path.read_text(encoding="utf-8"))), champion) for path in paths
        ]

    def _with_status(self, record: ModelRecord, champion: Champion) -> ModelRecord:
        if record.version == champion.version:
            return replace(record, status=CHAMPION)
        if record.refused_because:
            return replace(record, status=REFUSED)
        return replace(record, status=RETIRED if record.version in champion.before else CANDIDATE)

    def champion(self) -> Champion:
        """Return the pointer; its version is None before the first promotion."""
        path = self.folder / POINTER
        if not path.is_file():
            return Champion()
        content = json.loads(path.read_text(encoding="utf-8"))
        return Champion(content["version"], content["promoted_at"], tuple(content["before"]))

    def require_champion(self) -> str:
        """Return the version in use.

        Raises:
            NotFound: none was promoted yet.
        """
        version = self.champion().version
        if version is None:
            raise NotFound(
                "No churn model is in use yet.",
                code="no_model",
                next_action="customer360 churn train trains one and promotes it where it passes its gate.",
            )
        return version

    def load_champion(self) -> FittedModel:
        """Return the model in use.

        Raises:
            NotFound: none was promoted yet.
            Conflict: its artefact is not what was registered.
        """
        return self.load(self.require_champion())

    def promote(self, version: str, clock: Clock = utc_now) -> Champion:
        """Let a version score customers from the next build on.

        Raises:
            NotFound: there is none of that name.
            Conflict: the gate refused it, or its artefact is damaged.
        """
        self.require_passed(version)
        self.load(version)
        current = self.champion()
        if version == current.version:
            return current
        before = (current.version, *current.before) if current.version else current.before
        return self._point_to(Champion(version, _now(clock), before))

    def require_passed(self, version: str) -> None:
        """Raise Conflict where the gate refused a version."""
        record = self.get(version)
        if record.refused_because:
            raise Conflict(
                f"Model {version} did not pass its gate: {'; '.join(record.refused_because)}.",
                code="model_refused",
                next_action="Train again once the cause is mended: customer360 churn train.",
                details=[{"field": "gate", "message": reason} for reason in record.refused_because],
            )

    def roll_back(self, clock: Clock = utc_now) -> Champion:
        """Return to the version before the one in use.

        Raises:
            Conflict: there is none before it.
        """
        current = self.champion()
        if not current.before:
            raise Conflict(
                "There is no model before the one in use.",
                code="no_model_before",
                next_action="customer360 churn models lists what there is.",
            )
        self.load(current.before[0])
        return self._point_to(Champion(current.before[0], _now(clock), current.before[1:]))

    def _point_to(self, champion: Champion) -> Champion:
        write_json(self.folder / POINTER, asdict(champion))
        return champion

    def load(self, version: str) -> FittedModel:
        """Return the fitted model of a version.

        Raises:
            NotFound: there is none of that name.
            Conflict: its artefact is not what was registered.
        """
        record = self.get(version)
        path = self.folder / version / ARTEFACT
        if not path.is_file() or hash_file(path) != record.artefact_sha256:
            raise Conflict(
                f"The artefact of model {version} is not what was registered: its checksum differs.",
                code="artefact_damaged",
                next_action="Restore models/ from a backup, go back with customer360 churn rollback, or train again: "
                "customer360 churn train.",
                details=[{"field": "artefact", "value": str(path.name), "message": "checksum differs"}],
            )
        if record.libraries != library_versions():
            raise Conflict(
                f"Model {version} was trained with other versions of {', '.join(record.libraries)}.",
                code="model_outdated",
                next_action="Train again: customer360 churn train.",
                details=[{"field": name, "value": found} for name, found in record.libraries.items()],
            )
        model: FittedModel = pickle.loads(path.read_bytes())  # noqa: S301  (our own file, whose checksum holds)
        return model

    def card(self, version: str) -> Path:
        """Return where the model card of a version is."""
        self.get(version)
        return self.folder / version / CARD


def library_versions() -> dict[str, str]:
    """Return the versions of the libraries whose objects an artefact holds."""
    return {name: metadata.version(name) for name in ("scikit-learn", "lightgbm", "numpy")}


def new_version(clock: Clock = utc_now) -> str:
    """Return a name for a version, in the order of time."""
    return f"{PREFIX}{clock():%Y%m%dt%H%M%S}_{secrets.token_hex(2)}"


def _now(clock: Clock) -> str:
    now: datetime = clock()
    return now.isoformat(timespec="seconds")
