"""Customers at three cutoffs as ``gold.ml_training_data`` holds them; some of what is seen says who leaves."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from customer360.churn.features import FEATURES, Feature
from customer360.churn.rules import DEFAULT_LEAVING
from customer360.churn.training_data import TrainingData, make_training_data

AS_OF = date(2025, 10, 31)
CUTOFFS = tuple(AS_OF - timedelta(days=60 * number) for number in (3, 2, 1))
LEVELS = {
    "country": ("US",),
    "state": ("CA", "NY", "TX", "WA"),
    "employment_status": ("Employed", "Retired", "Student"),
    "customer_type": ("Individual", "Business"),
    "card_type": ("Premium", "Standard"),
    "recency_status": ("Active", "Recent"),
}
SEGMENTS = ("Budget-Conscious", "Declining", "Stable Mid-Spenders")


def draw_table(customers: int = 400, seed: int = 0, *, cutoffs: tuple[date, ...] = CUTOFFS) -> pa.Table:
    """Return a row per customer and cutoff; about a quarter leave, the likelier the longer they were away."""
    rng = np.random.default_rng(seed)
    rows = customers * len(cutoffs)
    values = {feature.name: _draw(rng, feature, rows) for feature in FEATURES}
    away, fallen = rng.gamma(2.0, 9.0, rows), rng.normal(0, 30, rows)
    values["days_since_last_transaction"] = pa.array(np.minimum(away, 59).astype(np.int32))
    values["spend_change_pct"] = pa.array(fallen, mask=rng.random(rows) < 0.05)
    retired = np.array(values["employment_status"].to_pylist()) == "Retired"
    margin = -2.4 + 0.06 * away - 0.025 * fallen + 0.8 * retired
    left = rng.random(rows) < 1 / (1 + np.exp(-margin))
    last = len(cutoffs) - 1
    keys = {
        "customer_id": pa.array([f"C{number:05d}" for _ in cutoffs for number in range(customers)]),
        "cutoff_date": pa.array([day for day in cutoffs for _ in range(customers)], pa.date32()),
        "split": pa.array(["holdout" if n == last else "train" for n in range(len(cutoffs)) for _ in range(customers)]),
        "customer_segment": pa.array(rng.choice(SEGMENTS, rows).tolist()),
    }
    return pa.table(keys | values | {"churned": pa.array(left)})


def _draw(rng: np.random.Generator, feature: Feature, rows: int) -> Any:
    if feature.kind == "flag":
        return pa.array(rng.random(rows) < 0.3)
    if feature.kind == "category":
        return pa.array(rng.choice(LEVELS[feature.name], rows).tolist(), pa.string())
    if feature.name == "product_count":
        return pa.nulls(rows, pa.int32())
    return pa.array(rng.normal(50, 20, rows))


def replaced(table: pa.Table, name: str, values: Any) -> pa.Table:
    """Return the table with other values in a column."""
    return table.set_column(table.column_names.index(name), name, pa.array(values))


def make(table: pa.Table) -> TrainingData:
    """Return what a model learns from."""
    return make_training_data(table, leaving=DEFAULT_LEAVING, newest_cutoff=CUTOFFS[-1])
