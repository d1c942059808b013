"""How a churn model did on cutoffs later than all it learnt from: for each rolling origin, and per segment of the last.

The model of an origin learns from the cutoffs before it alone, so it is judged as it would have been used on that day.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from customer360.churn import checks, importance
from customer360.churn.arrays import Flags, Rows
from customer360.churn.fitted import FittedModel, fit
from customer360.churn.folds import make_folds
from customer360.churn.leaks import Leak, Probe, find_leaks
from customer360.churn.point_in_time import Shuffle
from customer360.churn.scoring import Figure, Judgement, Scored, auc, judge
from customer360.churn.table import Column, Features
from customer360.churn.training_data import TrainingData, has_both
from customer360.churn.validation import MODEL, Step, score_rows

LEAST_OF_A_PART = 20
"""Fewest customers of a part who left, and who stayed, for figures of it to mean anything."""
DRAWS_OF_A_PART = 200
ROWS_TO_SHUFFLE = 20_000
ROWS_TO_WEIGH = 3_000
SHUFFLINGS = 2
PROBE_FOLDS = 3
ALREADY_LOW = "spend_to_baseline_pct"


@dataclass(frozen=True)
class Origin:
    """A cutoff as a model of the cutoffs before it saw it."""

    cutoff_date: date
    learnt_rows: int
    rows: int
    left: int
    learnt_rate: float
    judgement: Judgement
    threshold: float
    one_column: str


@dataclass(frozen=True)
class Part:
    """Customers of the last cutoff that have something in common; no figures where too few of them left or stayed."""

    name: str
    rows: int
    left: int
    mean_probability: float
    figures: Mapping[str, Figure] | None


@dataclass(frozen=True)
class HoldoutGate:
    """What was tried so as not to be fooled, and what of it speaks against the model."""

    future: Shuffle
    probes: tuple[Probe, ...]
    leaks: tuple[Leak, ...]
    shuffled: checks.ShuffledLabels
    gap: checks.Gap
    too_good: checks.TooGood | None

    @property
    def refusals(self) -> list[str]:
        """Why the model may not be published; empty where nothing speaks against it."""
        found = [
            f"{name} changes when what happened after {self.future.cutoff} is dealt out anew ({rows:,} customers)"
            for name, rows in self.future.changed.items()
        ]
        if not self.future.changed_labels:
            found.append("dealing out anew what happened later changed no label, so it shows nothing")
        found += [f"{leak.column}: {leak.reason}" for leak in self.leaks if leak.kind != PART]
        if not self.shuffled.passed:
            found.append(f"with shuffled labels the AUC is {self.shuffled.auc:.3f} and not 0.5")
        if self.gap.is_large:
            found.append(
                f"customers of the days it learnt from are told apart much better (AUC {self.gap.learnt:.3f}) than "
                f"later ones ({self.gap.out_of_fold:.3f})"
            )
        if self.too_good:
            found += [f"{name} alone carries an AUC above {checks.TOO_GOOD}" for name in self.too_good.carriers]
        return found

    @property
    def suspicions(self) -> list[str]:
        """What a reader should know, though it is no proof of a leak in features whose past is proven."""
        return [f"{leak.column}: {leak.reason}" for leak in self.leaks if leak.kind == PART]


PART = "tells_part_of_the_label"
"""Who hardly spends any more will hardly spend next month: rare as leaving is, that is no leak by itself."""


@dataclass(frozen=True)
class Trial:
    """A fitted model and all that is known of it."""

    fitted: FittedModel
    origins: tuple[Origin, ...]
    """Oldest first; the last is the holdout of the fitted model."""
    parts: tuple[Part, ...]
    gate: HoldoutGate
    importances: tuple[importance.Importance, ...]

    @property
    def holdout(self) -> Origin:
        return self.origins[-1]


def try_model(data: TrainingData, future: Shuffle, *, seed: int, progress: Step) -> Trial:
    """Fit a model on all cutoffs but the last and judge it there, as was done at each cutoff before."""
    steps = data.last + 4
    progress("looking for leaks", 0, steps)
    probes, leaks = _find_leaks(data, seed)
    origins = []
    for place in _list_origins(data):
        progress(f"fitting for {data.cutoff_dates[place]}", place, steps)
        fitted = fit(data, data.rows_before(place), seed=seed)
        origin, scored = _judge(data, fitted, place, seed)
        origins.append(origin)
    progress("judging segments", steps - 3, steps)
    parts = _judge_parts(data, scored[MODEL], seed)
    progress("checking", steps - 2, steps)
    estimate = origins[-1].judgement.figures[MODEL]["auc"].estimate
    gate = _check(data, fitted, future, probes=probes, leaks=leaks, estimate=estimate, seed=seed)
    progress("weighing features", steps - 1, steps)
    return Trial(fitted, tuple(origins), parts, gate, tuple(_weigh(data, fitted, seed)))


def _list_origins(data: TrainingData) -> list[int]:
    """Return the cutoffs that can be judged by a model of those before; the last always can, or none was read."""
    return [
        place
        for place in range(1, data.last + 1)
        if has_both(data.left[data.rows_before(place)]) and has_both(data.left[data.rows_at(place)])
    ]


def _find_leaks(data: TrainingData, seed: int) -> tuple[list[Probe], list[Leak]]:
    """Try each feature alone; the customer stands beside them, for a feature may be made of who it is."""
    customer = Column("customer_id", "number", data.groups.astype(np.float64))
    features = [column for column in data.columns.values() if column.distinct]
    folds = make_folds(data.left, PROBE_FOLDS, seed, data.groups)
    probes, leaks = find_leaks([*features, customer], data.left, folds)
    return [probe for probe in probes if probe.column != customer.name], [
        leak for leak in leaks if leak.column != customer.name
    ]


def _judge(data: TrainingData, fitted: FittedModel, place: int, seed: int) -> tuple[Origin, dict[str, Scored]]:
    learnt, judged = data.rows_before(place), data.rows_at(place)
    left = data.left[judged]
    features = [data.columns[name] for name in fitted.coder.names]
    values = fitted.coder.encode(data.columns)
    scored, column = score_rows(
        fitted.model, values, columns=features, left=data.left, learnt=learnt, judged=judged, seed=seed
    )
    origin = Origin(
        cutoff_date=data.cutoff_dates[place],
        learnt_rows=len(learnt),
        rows=len(judged),
        left=int(left.sum()),
        learnt_rate=float(data.left[learnt].mean()),
        judgement=judge(scored, left, seed=seed, draws=None if place == data.last else DRAWS_OF_A_PART),
        threshold=fitted.model.threshold,
        one_column=column,
    )
    return origin, scored


def _judge_parts(data: TrainingData, scored: Scored, seed: int) -> tuple[Part, ...]:
    """Judge each segment, and those who did not spend as little as leavers do already."""
    rows = data.holdout
    segments = data.segments[rows]
    masks = {str(name): segments == name for name in np.unique(segments)}
    spend = data.columns[ALREADY_LOW].values[rows]
    masks["all who still spent as usual"] = ~(spend < data.leaving.spend_pct)
    return tuple(_judge_part(name, mask, scored, data.left[rows], seed) for name, mask in masks.items())


def _judge_part(name: str, mask: Flags, scored: Scored, left: Flags, seed: int) -> Part:
    part = Scored(scored.probability[mask], scored.flagged[mask])
    who = left[mask]
    enough = min(int(who.sum()), int((~who).sum())) >= LEAST_OF_A_PART
    figures = judge({MODEL: part}, who, seed=seed, draws=DRAWS_OF_A_PART).figures[MODEL] if enough else None
    mean = float(part.probability.mean()) if len(who) else float("nan")
    return Part(name, len(who), int(who.sum()), mean, figures)


def _check(
    data: TrainingData,
    fitted: FittedModel,
    future: Shuffle,
    *,
    probes: Sequence[Probe],
    leaks: Sequence[Leak],
    estimate: float,
    seed: int,
) -> HoldoutGate:
    rows = _some(data.training, seed)
    values = fitted.coder.encode(data.columns)
    features = Features(fitted.coder.names, values[rows], fitted.coder.categories)
    folds = make_folds(data.left[rows], PROBE_FOLDS, seed, data.groups[rows])
    learnt = auc(fitted.model.learnt_margins, data.left[data.training])
    return HoldoutGate(
        future=future,
        probes=tuple(probes),
        leaks=tuple(leaks),
        shuffled=checks.shuffle_labels(features, data.left[rows], folds, seed),
        gap=checks.Gap(learnt, estimate),
        too_good=checks.doubt(features, data.left[rows], folds, auc=estimate, probes=probes, seed=seed),
    )


def _some(rows: Rows, seed: int) -> Rows:
    if len(rows) <= ROWS_TO_SHUFFLE:
        return rows
    return np.sort(np.random.default_rng(seed).choice(rows, ROWS_TO_SHUFFLE, replace=False))


def _weigh(data: TrainingData, fitted: FittedModel, seed: int) -> list[importance.Importance]:
    """Return what each feature is worth on the holdout, over several shufflings of it."""
    rows = data.holdout
    values = fitted.coder.encode(data.columns)[rows]
    columns = [
        Column(name, column.kind, column.values[rows], column.levels)
        for name, column in ((name, data.columns[name]) for name in fitted.coder.names)
    ]
    numbers = range(len(columns))
    falls = [
        importance.drops(fitted.model, values, data.left[rows], numbers, seed + again, most_rows=ROWS_TO_WEIGH)
        for again in range(SHUFFLINGS)
    ]
    return importance.rank_columns(columns, falls, data.left[rows])
