"""Whether the model in use still fits: today's customers against those it learnt from, and scores against outcomes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from customer360.churn.fitted import PROBABILITY
from customer360.churn.point_in_time import FeatureSql
from customer360.churn.registry import ModelRecord, Registry
from customer360.churn.rules import DAYS_OF_MONTH, leaving_of
from customer360.churn.scores import read_customers_to_score
from customer360.churn.scoring import auc
from customer360.churn.stability import SHIFTED, STEADY, compare
from customer360.churn.training_data import label_days, require_tables
from customer360.warehouse import OpenBuild

MOST_MOVED = 0.1
"""Share of the features that may come from another population before the model is in doubt."""
SLACK = 0.02
SCORED_DAYS = """
select distinct as_of_date from gold{suffix}.churn_score_history
where as_of_date <= '{latest}'
order by as_of_date desc
limit 3
"""
SCORED = "select customer_id, churn_probability from gold{suffix}.churn_score_history where as_of_date = '{day}'"


@dataclass(frozen=True)
class Outcome:
    """What became of customers once scored: what was promised, what happened, and how well they were told apart."""

    as_of_date: date
    rows: int
    mean_probability: float
    rate: float
    auc: float


@dataclass(frozen=True)
class Drift:
    """How the customers of a build differ from those that the model in use learnt from, and why to train again."""

    model_version: str
    build_id: str
    indexes: Mapping[str, float]
    outcomes: tuple[Outcome, ...]
    reasons: tuple[str, ...]

    @staticmethod
    def word(index: float) -> str:
        """Return what an index means."""
        return "steady" if index < STEADY else "moved" if index < SHIFTED else "another population"

    def as_dict(self) -> dict[str, Any]:
        """Return what ``--json`` prints."""
        outcomes = [asdict(outcome) | {"as_of_date": outcome.as_of_date.isoformat()} for outcome in self.outcomes]
        return {
            "ok": True,
            "model_version": self.model_version,
            "build_id": self.build_id,
            "retrain": bool(self.reasons),
            "reasons": list(self.reasons),
            "stability_indexes": dict(self.indexes),
            "outcomes": outcomes,
        }


def find_drift(registry: Registry, build: OpenBuild, folder: Path) -> Drift:
    """Compare a build's customers with those that the model in use learnt from, and old scores with outcomes.

    Raises:
        NotFound: no model is in use.
        Conflict: its artefact is not what was registered, or the build is of a version that knew no models.
    """
    version = registry.require_champion()
    require_tables(build)
    fitted, record = registry.load(version), registry.get(version)
    customers = read_customers_to_score(build.warehouse, build.schema_suffix)
    columns = fitted.read(customers)
    now = dict(zip(fitted.coder.names, fitted.coder.encode(columns).T, strict=True))
    now[PROBABILITY] = fitted.probability(columns)
    indexes = compare(fitted.spreads, now)
    outcomes = tuple(_list_outcomes(build, folder))
    return Drift(version, build.build_id, indexes, outcomes, tuple(_reasons(indexes, outcomes, record, build)))


def _list_outcomes(build: OpenBuild, folder: Path) -> Iterator[Outcome]:
    """Yield what became of the customers of the newest scores that are old enough to know."""
    days = label_days(build)
    latest = build.record.as_of - timedelta(days=days)
    suffix = build.schema_suffix
    found = build.warehouse.query(SCORED_DAYS.format(suffix=suffix, latest=latest.isoformat()))
    for day in found.column(0).to_pylist():
        scored = build.warehouse.query(SCORED.format(suffix=suffix, day=day.isoformat()))
        became = FeatureSql(build, folder).outcomes(day, days)
        joined = (
            _lower(scored).join(_lower(became), "customer_id", join_type="inner").filter(pc.field("churned").is_valid())
        )
        probability = joined["churn_probability"].to_numpy()
        left = joined["churned"].to_numpy(zero_copy_only=False).astype(np.bool_)
        if 0 < left.sum() < len(left):
            rate = float(left.mean())
            yield Outcome(day, len(left), float(probability.mean()), rate, auc(probability, left))


def _lower(table: pa.Table) -> pa.Table:
    return table.rename_columns([name.lower() for name in table.column_names])


def _reasons(
    indexes: Mapping[str, float], outcomes: Sequence[Outcome], record: ModelRecord, build: OpenBuild
) -> Iterator[str]:
    if indexes[PROBABILITY] >= SHIFTED:
        yield f"The scores are spread otherwise than when it learnt: stability index {indexes[PROBABILITY]:.2f}."
    moved = [name for name, index in indexes.items() if index >= SHIFTED and name != PROBABILITY]
    if len(moved) > MOST_MOVED * len(indexes):
        yield f"{len(moved)} of {len(indexes) - 1} features come from another population, {moved[0]} most."
    now = asdict(leaving_of(build.record.dataset))
    if record.leaving and record.leaving != now:
        yield f"It learnt by other rules: {_say(record.leaving)}, and the build goes by {_say(now)}."
    held_out = record.metrics["auc"]["interval"][0]
    worse = [outcome for outcome in outcomes if outcome.auc < held_out - SLACK]
    if worse:
        yield f"Of the customers scored as of {worse[0].as_of_date} it told apart fewer: AUC {worse[0].auc:.3f}."
    known = build.record.as_of - timedelta(days=label_days(build))
    if (known - date.fromisoformat(record.cutoff_date)).days >= DAYS_OF_MONTH:
        yield f"Outcomes are known up to {known}; it was judged on those of {record.cutoff_date}."


def _say(leaving: Mapping[str, int]) -> str:
    return f"{leaving['days']} days and {leaving['spend_pct']} % of the usual spend"
