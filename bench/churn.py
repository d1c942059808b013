"""Churn on the synthetic bank: from its transactions to a score and reasons for every customer, and a whole training.

A process of its own (``bench/churn_steps.py``) makes labels and features once more, by the SQL that the build ran,
fits, scores and explains. Then the commands are measured as a user runs them.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from bench.measure import Target, measure
from bench.online_retail import CLI

FULL = "full"
BUILD_MEMORY = "6GB"
MOST_SECONDS, MOST_MEMORY_MB = 60.0, 3072.0
MOST_SECONDS_OF_SCORES = 120.0
SQL = "labels and features"


def run(folder: Path, scale: str) -> dict[str, Any]:
    """Measure one scale of the bank; at the full one only labels and features.

    Raises:
        MeasurementFailed: a step failed.
    """
    files, home = folder / f"churn-{scale}", folder / f"churn-{scale}-home"
    ours = [*CLI, "--home", str(home)]
    measure([*CLI, "generate", "--scale", scale, "--out", str(files), "--json"])
    measure([*ours, "load", "bank", "--json", "--from", str(files)])
    built = json.loads(measure([*ours, "build", "--json"], {"CUSTOMER360_BUILD_MEMORY": BUILD_MEMORY}).output)
    only_sql = scale == FULL
    steps = [sys.executable, "-m", "bench.churn_steps", str(home / "builds" / built["build_id"])]
    found = json.loads(measure([*steps, "sql"] if only_sql else steps).output)
    result = {"scale": scale, "transactions": built["tables"]["gold.fct_transactions"]["rows"], **found}
    if not only_sql:
        train = measure([*ours, "churn", "train", "--json"])
        score = measure([*ours, "churn", "score", "--json"])
        result |= {
            "train": {"seconds": train.seconds, "peak_mb": train.peak_mb},
            "score": {"seconds": score.seconds, "peak_mb": score.peak_mb},
            "auc": json.loads(train.output)["metrics"]["auc"],
        }
    return result | {"targets": [target.as_dict() for target in targets(result)]}


def targets(result: dict[str, Any]) -> list[Target]:
    """Return what has to hold at this scale."""
    name, seconds = f"churn, {result['scale']} bank", result["seconds"]
    if result["scale"] == FULL:
        return [Target(f"{name}: {SQL} in SQL", seconds[SQL], MOST_SECONDS, "s")]
    both = result["train"]["seconds"] + result["score"]["seconds"]
    return [
        Target(f"{name}: from transactions to scores with reasons", sum(seconds.values()), MOST_SECONDS, "s"),
        Target(f"{name}: peak memory of that", result["peak_mb"], MOST_MEMORY_MB, "MB"),
        Target(f"{name}: train with all checks, and publish the scores", both, MOST_SECONDS_OF_SCORES, "s"),
    ]
