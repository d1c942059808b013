"""Trains a churn model on a published build, tries it, and keeps it; promotes it where it is better beyond noise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from customer360.churn import boosting
from customer360.churn.card import render_card
from customer360.churn.fitted import FittedModel, without_rows
from customer360.churn.holdout import Part, Trial, try_model
from customer360.churn.model import ChurnModel
from customer360.churn.point_in_time import FeatureSql
from customer360.churn.registry import ModelRecord, Registry, library_versions, new_version
from customer360.churn.scoring import Figure, Scored, judge
from customer360.churn.training_data import TrainingData, read_training_data
from customer360.churn.validation import BASE_RATE, MODEL, ONE_COLUMN, REGRESSION, Step
from customer360.clock import Clock, utc_now
from customer360.errors import Conflict
from customer360.warehouse import OpenBuild

SEED = 42
CHAMPION, CHALLENGER = "champion", "challenger"


@dataclass(frozen=True)
class Comparison:
    """A challenger and the champion on the same holdout; differences have intervals of the same resamples."""

    champion: str | None
    better: bool
    reason: str
    figures: Mapping[str, Mapping[str, Figure]]
    differences: Mapping[str, Figure]

    def as_dict(self) -> dict[str, Any]:
        return {
            "champion": self.champion,
            "better": self.better,
            "reason": self.reason,
            "figures": {
                who: {name: asdict(figure) for name, figure in figures.items()} for who, figures in self.figures.items()
            },
            "differences": {name: asdict(figure) for name, figure in self.differences.items()},
        }


@dataclass(frozen=True)
class Trained:
    """What training brought: a version, what was found of it, and how it compares with the one in use."""

    record: ModelRecord
    described: dict[str, Any]
    comparison: Comparison


def train(
    build: OpenBuild,
    folder: Path,
    registry: Registry,
    *,
    seed: int = SEED,
    clock: Clock = utc_now,
    progress: Step = lambda *_: None,
) -> Trained:
    """Train on what a build knows of past cutoffs, and keep the version with its card; it is not promoted yet.

    ``folder`` is the build's, where its dbt artifacts are.

    Raises:
        InvalidInput: there is too little to learn from, or a column may not be seen.
    """
    data = read_training_data(build)
    progress("shuffling what came later", 0, data.last + 4)
    future = FeatureSql(build, folder).shuffle_after(data.cutoff_dates[-1])
    with threadpool_limits(1):  # the same sums on any number of cores
        trial = try_model(data, future, seed=seed, progress=progress)
        comparison = compare(registry, data, trial.fitted)
    described = describe(build, data, trial, comparison, seed)
    record = ModelRecord(
        version=new_version(clock),
        engine=boosting.engine_name(),
        trained_at=clock().isoformat(timespec="seconds"),
        build_id=build.build_id,
        as_of_date=build.record.as_of.isoformat(),
        cutoff_date=data.cutoff_dates[-1].isoformat(),
        seed=seed,
        rows=len(data.training),
        holdout_rows=len(data.holdout),
        metrics=described["metrics"],
        refused_because=trial.gate.refusals,
        dataset=str(build.record.dataset["name"]),
        libraries=library_versions(),
        leaving=asdict(data.leaving),
    )
    described["version"] = record.version
    kept = registry.add(record, without_rows(trial.fitted), render_card(described), described)
    return Trained(kept, described, comparison)


def compare(registry: Registry, data: TrainingData, challenger: FittedModel) -> Comparison:
    """Hold a model against the one in use, or against the base rate where there is none.

    Better means: the interval of the difference in AUC lies above zero, and the Brier score is not worse beyond noise.
    """
    rows = data.holdout
    left = data.left[rows]
    scores = {CHALLENGER: _score(challenger, data)}
    version, champion = _load_champion(registry)
    other = CHAMPION if champion else BASE_RATE
    if champion:
        scores[CHAMPION] = _score(champion, data)
    else:
        learnt = data.left[data.training].mean()
        scores[BASE_RATE] = Scored(np.full(len(rows), learnt), np.zeros(len(rows), dtype=np.bool_))
    judged = judge(scores, left, seed=SEED)
    ahead = judged.differences[other]
    better = ahead["auc"].interval[0] > 0 and ahead["brier"].interval[0] <= 0
    against = f"model {version}" if champion else "the base rate"
    low, high = ahead["auc"].interval
    reason = f"AUC {ahead['auc'].estimate:+.4f} against {against} ({low:+.4f} to {high:+.4f})"
    if not better:
        reason += ": within noise" if ahead["brier"].interval[0] <= 0 else ": and its probabilities are worse"
    return Comparison(version, better, reason, judged.figures, ahead)


def compare_versions(registry: Registry, build: OpenBuild, version: str) -> Comparison:
    """Hold a version against the one in use, on the cutoff that a build held out.

    Raises:
        NotFound: there is none of that name.
        Conflict: its artefact is not what was registered.
    """
    return compare(registry, read_training_data(build), registry.load(version))


def _load_champion(registry: Registry) -> tuple[str | None, FittedModel | None]:
    """Return the version in use with its model; none where it cannot be read, since training is how that is mended."""
    version = registry.champion().version
    if version is None:
        return None, None
    try:
        return version, registry.load(version)
    except Conflict:
        return version, None


def _score(fitted: FittedModel, data: TrainingData) -> Scored:
    columns = {name: data.columns[name] for name in fitted.coder.names}
    probability = fitted.model.probability(fitted.coder.encode(columns)[data.holdout])
    return Scored(probability, probability >= fitted.model.threshold)


def describe(build: OpenBuild, data: TrainingData, trial: Trial, comparison: Comparison, seed: int) -> dict[str, Any]:
    """Return all that is known of a trial, as ``--json`` prints it and the card shows it."""
    holdout, judged, gate = trial.holdout, trial.holdout.judgement, trial.gate
    figures = {name: _as_dict(found) for name, found in judged.figures.items()}
    model: ChurnModel = trial.fitted.model
    return {
        "dataset": build.record.dataset["name"],
        "build_id": build.build_id,
        "as_of_date": build.record.as_of.isoformat(),
        "cutoff_date": holdout.cutoff_date.isoformat(),
        "learnt_cutoffs": [day.isoformat() for day in data.cutoff_dates[:-1]],
        "learnt_rows": holdout.learnt_rows,
        "learnt_rate": holdout.learnt_rate,
        "leaving": asdict(data.leaving),
        "rows": holdout.rows,
        "left": holdout.left,
        "base_rate": holdout.left / holdout.rows,
        "seed": seed,
        "engine": boosting.engine_name(),
        "draws": judged.draws,
        "metrics": figures[MODEL],
        "threshold": holdout.threshold,
        "baselines": {
            BASE_RATE: figures[BASE_RATE],
            ONE_COLUMN: {"column": holdout.one_column} | figures[ONE_COLUMN],
            REGRESSION: figures[REGRESSION],
        },
        "better_than": {name: _as_dict(found) for name, found in judged.differences.items()},
        "tenths": [asdict(tenth) for tenth in judged.tenths],
        "origins": [
            {
                "cutoff_date": origin.cutoff_date.isoformat(),
                "learnt_rows": origin.learnt_rows,
                "rows": origin.rows,
                "left": origin.left,
                "metrics": _as_dict(origin.judgement.figures[MODEL]),
                "baselines": {
                    name: _as_dict(origin.judgement.figures[name]) for name in (BASE_RATE, ONE_COLUMN, REGRESSION)
                },
                "mean_probability": float(
                    np.average(
                        [tenth.mean_probability for tenth in origin.judgement.tenths],
                        weights=[tenth.rows for tenth in origin.judgement.tenths],
                    )
                ),
            }
            for origin in trial.origins
        ],
        "segments": [_describe_part(part) for part in trial.parts],
        "importances": [asdict(worth) for worth in trial.importances],
        "gate": {
            "passed": not gate.refusals,
            "refused_because": gate.refusals,
            "suspicions": gate.suspicions,
            "future_shuffled": {
                "after": gate.future.cutoff.isoformat(),
                "changed_features": dict(gate.future.changed),
                "changed_labels": gate.future.changed_labels,
            },
            "columns_alone": [{"column": probe.column, "auc": probe.auc} for probe in gate.probes],
            "shuffled_labels": asdict(gate.shuffled) | {"passed": gate.shuffled.passed},
            "learnt_rows": asdict(gate.gap) | {"gap": gate.gap.gap, "is_large": gate.gap.is_large},
            "too_good": asdict(gate.too_good) if gate.too_good else None,
        },
        "comparison": comparison.as_dict(),
        "model": {
            "weights": dict(model.weights),
            "calibration": model.calibration.method,
            "features": len(trial.fitted.coder.names),
        },
    }


def _describe_part(part: Part) -> dict[str, Any]:
    described = {
        "segment": part.name,
        "rows": part.rows,
        "left": part.left,
        "mean_probability": part.mean_probability,
    }
    return described | {"metrics": _as_dict(part.figures) if part.figures else None}


def _as_dict(figures: Mapping[str, Figure]) -> dict[str, Any]:
    return {name: asdict(figure) for name, figure in figures.items()}
