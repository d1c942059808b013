"""What a churn model learns from: ``gold.ml_training_data`` of one build, a row per customer and cutoff."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from customer360.churn.arrays import Flags, Rows
from customer360.churn.coding import read_column
from customer360.churn.features import BARRED, FEATURES
from customer360.churn.rules import Leaving, leaving_of
from customer360.churn.table import Column
from customer360.errors import Conflict, InvalidInput
from customer360.warehouse import OpenBuild

TRAINING_DATA = "select * from gold{suffix}.ml_training_data order by cutoff_date, customer_id"
TABLES = ("gold.churn_features", "gold.churn_labels", "gold.churn_score_history", "gold.ml_training_data")
KEYS = ("customer_id", "cutoff_date", "split", "customer_segment", "churned")
LEAST_LEAVERS = 30
"""Fewest customers who left, and who stayed, that a cutoff needs for its figures to mean anything."""
NEXT = "customer360 churn evaluate --table takes any flat table; docs/churn.md says how much history a model needs."


@dataclass(frozen=True)
class TrainingData:
    """Rows of every past cutoff, in the order of cutoffs; ``cutoffs`` numbers each row's cutoff in ``cutoff_dates``."""

    columns: Mapping[str, Column]
    left: Flags
    cutoffs: Rows
    cutoff_dates: tuple[date, ...]
    """Oldest first; the last is held out."""
    segments: npt.NDArray[np.str_]
    groups: Rows
    """Which rows are of one customer."""
    leaving: Leaving
    """What the labels say of those who left."""

    def rows_at(self, place: int) -> Rows:
        """Return the rows of a cutoff."""
        return np.flatnonzero(self.cutoffs == place).astype(np.int64)

    def rows_before(self, place: int) -> Rows:
        """Return the rows of all earlier cutoffs."""
        return np.flatnonzero(self.cutoffs < place).astype(np.int64)

    @property
    def last(self) -> int:
        return len(self.cutoff_dates) - 1

    @property
    def holdout(self) -> Rows:
        return self.rows_at(self.last)

    @property
    def training(self) -> Rows:
        return self.rows_before(self.last)


def read_training_data(build: OpenBuild) -> TrainingData:
    """Return what the build knows of customers at past cutoffs.

    Raises:
        Conflict: the build is of a version that made nothing to learn from.
        InvalidInput: there is too little to learn from; the message says of what.
    """
    require_tables(build)
    table = build.warehouse.query(TRAINING_DATA.format(suffix=build.schema_suffix))
    leaving = leaving_of(build.record.dataset)
    return make_training_data(table, leaving=leaving, newest_cutoff=build.record.as_of - timedelta(days=leaving.days))


def require_tables(build: OpenBuild) -> None:
    """Raise Conflict where a build is of a version that knew no models of churn."""
    missing = [name for name in TABLES if name not in build.record.tables]
    if missing:
        raise Conflict(
            f"Build {build.build_id} has no {', '.join(missing)}: it was made by version {build.record.version}.",
            code="build_outdated",
            next_action="Build with this version: customer360 build.",
            details=[{"field": name, "message": "no such table"} for name in missing],
        )


def label_days(build: OpenBuild) -> int:
    """Return how many days a label looks ahead."""
    return leaving_of(build.record.dataset).days


def make_training_data(table: pa.Table, *, leaving: Leaving, newest_cutoff: date) -> TrainingData:
    """Return the rows of a table with the columns of ``gold.ml_training_data``; no cutoff is later than the newest one.

    Raises:
        InvalidInput: a column is barred or not declared, an outcome is not known yet, or there is too little to learn
            from.
    """
    table = table.rename_columns([name.lower() for name in table.column_names])
    _require_declared(table.column_names)
    dates = table["cutoff_date"].cast(pa.date32())
    different = tuple(sorted(pc.unique(dates).to_pylist()))
    left = table["churned"].cast(pa.bool_()).to_numpy(zero_copy_only=False).astype(np.bool_)
    cutoffs = pc.index_in(dates, pa.array(different, pa.date32())).to_numpy(zero_copy_only=False).astype(np.int64)
    _require_known(different, newest_cutoff)
    _require_enough(different, cutoffs, left)
    columns = {feature.name: read_column(feature, table[feature.name].combine_chunks()) for feature in FEATURES}
    _require_values(columns)
    return TrainingData(
        columns=columns,
        left=left,
        cutoffs=cutoffs,
        cutoff_dates=different,
        segments=np.array(table["customer_segment"].to_pylist(), dtype=np.str_),
        groups=table["customer_id"].combine_chunks().dictionary_encode().indices.to_numpy().astype(np.int64),
        leaving=leaving,
    )


def _require_declared(names: list[str]) -> None:
    declared = {feature.name for feature in FEATURES} | set(KEYS)
    stray = [name for name in names if name not in declared]
    if stray:
        raise InvalidInput(
            f"A model may not see {', '.join(stray)}.",
            code="leaking_columns",
            next_action="Take the columns out of ml_training_data, or declare them and when they are known "
            "(churn/features.py).",
            details=[
                {"field": name, "message": BARRED.get(name, "nothing says when it becomes known")} for name in stray
            ],
        )
    missing = [name for name in declared if name not in names]
    if missing:
        raise InvalidInput(
            f"ml_training_data lacks {', '.join(sorted(missing))}.",
            code="features_missing",
            next_action="Build with this version: customer360 build.",
            details=[{"field": name, "message": "no such column"} for name in sorted(missing)],
        )


def _require_known(dates: tuple[date, ...], newest: date) -> None:
    early = [day for day in dates if day > newest]
    if early:
        raise InvalidInput(
            f"Who left after {early[-1]} is not known yet; the newest cutoff with a known outcome is {newest}.",
            code="outcome_unknown",
            next_action="Take the later cutoffs out of ml_training_data, or build again: customer360 build.",
            details=[{"field": "cutoff_date", "value": str(day), "message": f"later than {newest}"} for day in early],
        )


def _require_enough(dates: tuple[date, ...], cutoffs: Rows, left: Flags) -> None:
    if len(dates) < 2:
        known = f"only {dates[0]}" if dates else "none"
        raise InvalidInput(
            f"A model needs two past cutoffs with customers to learn from and to be judged by; the build has {known}.",
            code="no_history",
            next_action=f"Load more months of transactions. {NEXT}",
            details=[{"field": "cutoff_date", "value": known, "message": "too little history before it"}],
        )
    for part, rows in (("to learn from", cutoffs < len(dates) - 1), ("held out", cutoffs == len(dates) - 1)):
        leavers = int(left[rows].sum())
        stayers = int(rows.sum()) - leavers
        if min(leavers, stayers) < LEAST_LEAVERS:
            who, count = ("left", leavers) if leavers < stayers else ("stayed", stayers)
            code = "single_class" if count == 0 else "too_few_rows"
            raise InvalidInput(
                f"Of the customers {part}, {count} {who}; a model needs at least {LEAST_LEAVERS} who left and as many "
                "who stayed.",
                code=code,
                next_action=f"Load more customers or months. {NEXT}",
                details=[{"field": "churned", "value": str(count), "message": f"customers {part} who {who}"}],
            )


def has_both(left: Flags) -> bool:
    """Tell whether enough customers left, and enough stayed, to learn from or to be judged by."""
    leavers = int(left.sum())
    return min(leavers, len(left) - leavers) >= LEAST_LEAVERS


def _require_values(columns: Mapping[str, Column]) -> None:
    if all(column.missing.all() for column in columns.values()):
        raise InvalidInput(
            "Every feature is empty for every customer.",
            code="no_features",
            next_action="Check the mapping of the dataset: customer360 builds show says what was rejected.",
            details=[{"field": name, "message": "no value in any row"} for name in columns],
        )
