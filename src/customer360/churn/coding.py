"""Turns typed columns into the numbers a model sees, the same way when it learns and whenever it scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from customer360.churn.arrays import Floats, Rows
from customer360.churn.features import Feature
from customer360.churn.table import Column, Features, frequent_levels


def read_column(feature: Feature, values: Any) -> Column:
    """Return a column of Arrow as the feature that it is; levels are in alphabetical order."""
    if feature.kind != "category":
        return Column(feature.name, "number", _numbers(values))
    text = values.cast(pa.string())
    levels = sorted(level for level in pc.unique(text).to_pylist() if level is not None)
    codes = pc.index_in(text, pa.array(levels, pa.string())).cast(pa.float64())
    return Column(feature.name, "category", _numbers(codes), tuple(levels))


def _numbers(values: Any) -> Floats:
    found = values.cast(pa.float64()).to_numpy(zero_copy_only=False)
    return np.array(found, dtype=np.float64)


@dataclass(frozen=True)
class Coder:
    """Which features a model learnt from, and the number of each frequent level; the others share the next one."""

    features: tuple[Feature, ...]
    levels: Mapping[str, tuple[str, ...]]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(feature.name for feature in self.features)

    @property
    def categories(self) -> tuple[int, ...]:
        return tuple(place for place, feature in enumerate(self.features) if feature.kind == "category")

    def encode(self, columns: Mapping[str, Column]) -> Floats:
        """Return (rows, features): numbers, codes of levels, NaN where missing."""
        return np.column_stack([self._encode(columns[feature.name]) for feature in self.features])

    def _encode(self, column: Column) -> Floats:
        if column.kind != "category":
            return column.values
        known = self.levels[column.name]
        codes = np.array([known.index(level) if level in known else len(known) for level in column.levels], np.float64)
        found = np.full(len(column.values), np.nan)
        present = ~column.missing
        found[present] = codes[column.values[present].astype(np.int64)]
        return found

    def table(self, columns: Mapping[str, Column]) -> Features:
        """Return what checks on a whole table take."""
        return Features(self.names, self.encode(columns), self.categories)


def learn_coder(features: Sequence[Feature], columns: Mapping[str, Column], rows: Rows) -> Coder:
    """Return the coder of the features that vary among ``rows``, which it alone looks at."""
    kept, levels = [], {}
    for feature in features:
        column = columns[feature.name]
        part = Column(column.name, column.kind, column.values[rows], column.levels)
        if part.distinct < 2 and not (part.distinct and part.missing.any()):
            continue
        kept.append(feature)
        if column.kind == "category":
            frequent = frequent_levels(part)
            levels[column.name] = tuple(np.array(column.levels)[frequent].tolist())
    return Coder(tuple(kept), levels)
