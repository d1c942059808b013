"""Training, promotion and drift of churn models: runs over the published build, kept in the operational store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from customer360.build.runner import Progress, silent
from customer360.churn import Comparison, Drift, Registry, Trained, compare_versions, find_drift, train
from customer360.churn.registry import CHAMPION
from customer360.churn.training import SEED
from customer360.errors import Conflict
from customer360.store import Store
from customer360.value import KeptValue, find_value, fit_value, keep_value, purchases_of, summarise
from customer360.warehouse import OpenBuild, open_builds
from customer360.workspace import Workspace

STALE_DAYS = 30
"""A value model is fitted anew when it does not know the last month."""


@dataclass(frozen=True)
class Training:
    """What a training brought, and whether the new version is in use now."""

    trained: Trained
    promoted: bool
    card: Path

    def as_dict(self) -> dict[str, Any]:
        status = CHAMPION if self.promoted else self.trained.record.status
        described = self.trained.described | {"status": status, "promoted": self.promoted}
        return {"ok": True} | described | {"card": str(self.card)}


@dataclass(frozen=True)
class Promotion:
    """The version in use now, and how it compares with the one before."""

    version: str
    comparison: Comparison

    def as_dict(self) -> dict[str, Any]:
        return {"ok": True, "version": self.version, "comparison": self.comparison.as_dict()}


def run_training(
    workspace: Workspace,
    *,
    seed: int = SEED,
    promote: bool = True,
    if_needed: bool = False,
    progress: Progress = silent,
) -> Training | None:
    """Train on the published build, and promote what passed its gate and is better; ``None`` where no need was found.

    Raises:
        InvalidInput: there is too little to learn from, or a column may not be seen; nothing is kept.
    """
    registry = Registry(workspace)
    if if_needed and not _is_needed(workspace, registry):
        return None
    store = Store.beside(workspace.store)
    with _published(workspace) as (build, folder), store.recording("train", "churn") as detail:
        trained = train(build, folder, registry, seed=seed, progress=progress)
        promoted = promote and trained.comparison.better and not trained.record.refused_because
        if promoted:
            registry.promote(trained.record.version)
        detail.update(
            model_version=trained.record.version,
            promoted=promoted,
            reason=trained.comparison.reason,
            refused_because=trained.record.refused_because,
        )
    return Training(trained, promoted, registry.card(trained.record.version))


def _is_needed(workspace: Workspace, registry: Registry) -> bool:
    """Tell whether there is no model in use, or none that can be read, or one that does not fit any more."""
    if registry.champion().version is None:
        return True
    try:
        return bool(measure_drift(workspace).reasons)
    except Conflict:
        return True


def run_value_fit(workspace: Workspace, *, if_needed: bool = False) -> KeptValue | None:
    """Fit what customers will be worth to the published build, for builds to predict with.

    ``None`` where a model is in use that knows all but the last month, and ``if_needed``.

    Raises:
        NotIdentified: the purchases do not determine the model; what was in use stays.
    """
    with _published(workspace) as (build, _):
        known = find_value(workspace)
        newest = build.record.as_of - timedelta(days=STALE_DAYS)
        if if_needed and known and known.calibration_end > newest.isoformat():
            return None
        with Store.beside(workspace.store).recording("train", "value") as detail:
            statistics = summarise(purchases_of(build))
            kept = keep_value(workspace, fit_value(statistics), statistics, build_id=build.build_id)
            detail.update(model_version=kept.version, customers=kept.customers)
    return kept


def run_promotion(workspace: Workspace, version: str, *, force: bool = False) -> Promotion:
    """Put a version in use where it is better than the one in use on the published build's holdout.

    Raises:
        Conflict: it is not, and ``force`` was not given; or its gate refused it, or its artefact is damaged.
    """
    registry = Registry(workspace)
    registry.require_passed(version)
    with _published(workspace) as (build, _):
        comparison = compare_versions(registry, build, version)
    if not comparison.better and not force:
        raise Conflict(
            f"{version} is not better than the model in use: {comparison.reason}.",
            code="not_better",
            next_action=f"Keep the one in use, or decide otherwise: customer360 churn promote {version} --force.",
            details=[
                {"field": name, "value": str(asdict(figure)["estimate"]), "message": "difference on the holdout"}
                for name, figure in comparison.differences.items()
            ],
        )
    with Store.beside(workspace.store).recording("promote", "churn") as detail:
        registry.promote(version)
        detail.update(model_version=version, forced=force and not comparison.better, reason=comparison.reason)
    return Promotion(version, comparison)


def measure_drift(workspace: Workspace) -> Drift:
    """Compare the published build's customers with those that the model in use learnt from.

    Raises:
        NotFound: no model is in use.
    """
    with _published(workspace) as (build, folder):
        return find_drift(Registry(workspace), build, folder)


@contextmanager
def _published(workspace: Workspace) -> Iterator[tuple[OpenBuild, Path]]:
    with closing(open_builds(workspace)) as builds:
        current = builds.current_id()
        with builds.pin(current) as build:
            yield build, builds.folder(current)
