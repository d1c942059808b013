"""Evaluates a churn model on a flat table: every figure is of rows that neither model nor threshold had seen."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from customer360.churn import boosting, checks, importance
from customer360.churn.flat import Table, read_table
from customer360.churn.folds import Split, make_folds
from customer360.churn.labels import require_enough
from customer360.churn.leaks import Leak, Probe, find_leaks
from customer360.churn.model import ChurnModel
from customer360.churn.scoring import Judgement, auc, judge
from customer360.churn.table import Column, make_features
from customer360.churn.validation import BASE_RATE, MODEL, ONE_COLUMN, REGRESSION, Step, run_folds
from customer360.errors import InvalidInput

MOST_FOLDS = 20


def _silent(name: str, done: int, total: int) -> None:
    """Show nothing."""


@dataclass(frozen=True)
class Gate:
    """What was tried so as not to be fooled."""

    leaks: tuple[Leak, ...]
    probes: tuple[Probe, ...]
    shuffled: checks.ShuffledLabels
    gap: checks.Gap
    too_good: checks.TooGood | None


@dataclass(frozen=True)
class Evaluation:
    """All that an evaluation found."""

    table: Table
    folds: int
    seed: int
    engine: str
    judgement: Judgement
    auc_by_fold: tuple[float, ...]
    threshold: float
    weights: dict[str, float]
    calibration: str
    one_column: str
    gate: Gate
    importances: tuple[importance.Importance, ...]
    notes: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return what ``--json`` prints."""
        table, judged = self.table, self.judgement
        described = {name: _as_dict(figures) for name, figures in judged.figures.items()}
        return {
            "ok": True,
            "table": table.name,
            "label": table.label,
            "positive": table.positive,
            "rows": len(table.left),
            "left": int(table.left.sum()),
            "base_rate": float(table.left.mean()),
            "unlabelled_rows": table.unlabelled,
            "folds": self.folds,
            "seed": self.seed,
            "engine": self.engine,
            "draws": judged.draws,
            "metrics": described[MODEL],
            "threshold": self.threshold,
            "auc_by_fold": list(self.auc_by_fold),
            "baselines": {
                BASE_RATE: described[BASE_RATE],
                ONE_COLUMN: {"column": self.one_column} | described[ONE_COLUMN],
                REGRESSION: described[REGRESSION],
            },
            "better_than": {name: _as_dict(figures) for name, figures in judged.differences.items()},
            "tenths": [asdict(tenth) for tenth in judged.tenths],
            "columns": [_describe(column) for column in table.columns],
            "left_out": [asdict(column) for column in table.left_out],
            "gate": _describe_gate(self.gate),
            "importances": [asdict(worth) for worth in self.importances],
            "model": {"weights": self.weights, "calibration": self.calibration},
            "notes": list(self.notes),
        }


def _as_dict(figures: Any) -> dict[str, Any]:
    return {name: asdict(figure) for name, figure in figures.items()}


def _describe(column: Column) -> dict[str, Any]:
    missing = int(column.missing.sum())
    return {"column": column.name, "kind": column.kind, "distinct": column.distinct, "missing": missing}


def _describe_gate(gate: Gate) -> dict[str, Any]:
    return {
        "leaks": [asdict(leak) for leak in gate.leaks],
        "columns_alone": [{"column": probe.column, "auc": probe.auc} for probe in gate.probes],
        "shuffled_labels": asdict(gate.shuffled) | {"passed": gate.shuffled.passed},
        "learnt_rows": asdict(gate.gap) | {"gap": gate.gap.gap, "is_large": gate.gap.is_large},
        "too_good": asdict(gate.too_good) if gate.too_good else None,
    }


def evaluate_table(
    path: Path,
    *,
    label: str,
    id_column: str | None = None,
    positive: str | None = None,
    drop: Collection[str] = (),
    folds: int = 5,
    seed: int = 42,
    allow_leaks: bool = False,
    progress: Step = _silent,
) -> Evaluation:
    """Read a table, refuse what leaks, and evaluate the model by stratified cross-validation.

    Raises:
        NotFound: there is no such file.
        InvalidInput: the table, the label or an option does not do, or a column gives the label away.
    """
    if not 2 <= folds <= MOST_FOLDS:
        raise InvalidInput(
            f"{folds} folds cannot be made.",
            code="folds_refused",
            next_action=f"--folds 2 to {MOST_FOLDS}; 5 is usual.",
        )
    table = read_table(path, label=label, id_column=id_column, positive=positive, drop=drop)
    require_enough(label, table.left, folds)
    splits = make_folds(table.left, folds, seed, table.groups)
    progress("looking for leaks", 0, folds + 2)
    probes, leaks = find_leaks([*table.columns, *table.others], table.left, splits)
    leaks = [leak for leak in leaks if leak.column != id_column]
    if leaks and not allow_leaks:
        raise refuse_leaks(leaks)
    with threadpool_limits(1):  # the same sums on any number of cores, and none waits for another
        return _evaluate(table, splits, probes=probes, leaks=leaks, seed=seed, progress=progress)


def refuse_leaks(leaks: Sequence[Leak]) -> InvalidInput:
    """Return the refusal that names each leaking column and how it gives the label away."""
    names = ",".join(leak.column for leak in leaks)
    counted = "1 column gives" if len(leaks) == 1 else f"{len(leaks)} columns give"
    return InvalidInput(
        f"{counted} the label away: {names.replace(',', ', ')}.",
        code="leaking_columns",
        next_action=f"Leave out what was not known before customers left: --drop '{names}'. --allow-leaks goes on.",
        details=[{"field": leak.column, "value": leak.kind, "message": leak.reason} for leak in leaks],
    )


def _evaluate(
    table: Table,
    splits: Sequence[Split],
    *,
    probes: Sequence[Probe],
    leaks: Sequence[Leak],
    seed: int,
    progress: Step,
) -> Evaluation:
    features, left = make_features(table.columns), table.left
    ranked = _strongest(table, probes)
    found = run_folds(table, features, ranked, splits=splits, seed=seed, progress=progress)
    progress("resampling", len(splits), len(splits) + 2)
    judgement = judge(found.scores, left, seed=seed)
    estimate = judgement.figures[MODEL]["auc"].estimate
    progress("shuffling labels", len(splits) + 1, len(splits) + 2)
    gate = Gate(
        leaks=tuple(leaks),
        probes=tuple(probes),
        shuffled=checks.shuffle_labels(features, left, splits, seed),
        gap=checks.Gap(float(np.mean(found.learnt_aucs)), estimate),
        too_good=checks.doubt(features, left, splits, auc=estimate, probes=probes, seed=seed),
    )
    model = found.scores[MODEL].probability
    return Evaluation(
        table=table,
        folds=len(splits),
        seed=seed,
        engine=boosting.engine_name(),
        judgement=judgement,
        auc_by_fold=tuple(auc(model[judged], left[judged]) for _, judged in splits),
        threshold=float(np.median([fitted.threshold for fitted in found.models])),
        weights=_mean_weights(found.models),
        calibration=found.models[0].calibration.method,
        one_column=", ".join(dict.fromkeys(found.one_columns)),
        gate=gate,
        importances=tuple(importance.rank_columns(ranked, found.drops, left)),
        notes=tuple(_notes(table, gate)),
    )


def _strongest(table: Table, probes: Sequence[Probe]) -> list[Column]:
    by_name = {column.name: column for column in table.columns}
    return [by_name[probe.column] for probe in probes if probe.column in by_name][: importance.MOST_COLUMNS]


def _mean_weights(models: Sequence[ChurnModel]) -> dict[str, float]:
    names = models[0].weights
    return {name: round(float(np.mean([model.weights[name] for model in models])), 6) for name in names}


def _notes(table: Table, gate: Gate) -> list[str]:
    notes = []
    if table.unlabelled:
        notes.append(f"{table.unlabelled:,} rows have no label; they were left out.")
    if table.groups is not None:
        notes.append("An id comes more than once; rows of one customer are always in the same fold.")
    if gate.leaks:
        names = ", ".join(leak.column for leak in gate.leaks)
        notes.append(f"Leaks were allowed: {names} give the label away. These figures say nothing of real customers.")
    if not gate.shuffled.passed:
        notes.append("With shuffled labels the AUC is not 0.5: do not trust these figures.")
    if gate.gap.is_large:
        notes.append(f"The model is much better on rows it learnt from (AUC +{gate.gap.gap:.2f}): it learns by heart.")
    if gate.too_good:
        names = ", ".join(removal.column for removal in gate.too_good.removals[:3])
        notes.append(f"An AUC above {checks.TOO_GOOD} is suspicious. It hangs most on {names}: known before they left?")
    if boosting.engine_name() == boosting.FALLBACK:
        notes.append(f"Trees were grown by {boosting.FALLBACK}.")
    return notes
