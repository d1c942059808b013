"""Why a customer has the score they have, in plain words: what each feature adds to the log-odds, the most first.

Contributions of a customer, with that of all other features and the mean, sum to the score's margin.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from customer360.churn.arrays import Floats, Rows
from customer360.churn.features import Feature, get_feature
from customer360.churn.table import Column

MOST_REASONS = 5
OTHERS, MEAN = "all other features", "the average customer"


@dataclass(frozen=True)
class Typical:
    """What is usual for a feature among the customers learnt from: the median, or the most frequent level."""

    number: float
    level: str = ""


def learn_typical(features: Sequence[Feature], columns: Mapping[str, Column], rows: Rows) -> dict[str, Typical]:
    """Return what is usual for each feature."""
    return {feature.name: _typical(columns[feature.name], rows) for feature in features}


def _typical(column: Column, rows: Rows) -> Typical:
    known = column.values[rows]
    known = known[~np.isnan(known)]
    if column.kind == "category":
        return Typical(np.nan, column.levels[int(np.bincount(known.astype(np.int64)).argmax())])
    return Typical(float(np.median(known)))


def list_reasons(
    contributions: Floats,
    names: Sequence[str],
    columns: Mapping[str, Column],
    typical: Mapping[str, Typical],
    customer_ids: pa.Array,
    *,
    days: int,
) -> pa.Table:
    """Return the rows of ``gold.churn_insights``: per customer its reasons, the rest and the mean.

    ``contributions`` is (customers, features + 1), the last column that of the average customer. ``days`` is how far
    the model looks ahead.
    """
    shown = min(MOST_REASONS, len(names))
    added = contributions[:, :-1]
    order = np.argsort(-np.abs(added), axis=1, kind="stable")[:, :shown]
    parts = [
        _part(
            rank + 1,
            added[np.arange(len(added)), order[:, rank]],
            *_words(order[:, rank], names, columns, typical, days=days),
        )
        for rank in range(shown)
    ]
    total = added.sum(axis=1)
    rest = total - np.take_along_axis(added, order, axis=1).sum(axis=1)
    parts.append(_part(shown + 1, rest, *_same(OTHERS, len(added))))
    parts.append(_part(shown + 2, contributions[:, -1], *_same(MEAN, len(added))))
    return pa.concat_tables([part.add_column(0, "customer_id", customer_ids) for part in parts])


def _part(rank: int, contribution: Floats, feature: npt.NDArray[np.str_], text: npt.NDArray[np.str_]) -> pa.Table:
    return pa.table(
        {
            "rank": pa.repeat(pa.scalar(rank, pa.int32()), len(contribution)),
            "feature": pa.array(feature.tolist(), pa.string()),
            "contribution": pa.array(contribution, pa.float64()),
            "text": pa.array(text.tolist(), pa.string()),
        }
    )


def _same(words: str, count: int) -> tuple[npt.NDArray[np.str_], npt.NDArray[np.str_]]:
    return np.repeat(words, count), np.repeat(words, count)


def _words(
    chosen: Rows, names: Sequence[str], columns: Mapping[str, Column], typical: Mapping[str, Typical], *, days: int
) -> tuple[npt.NDArray[np.str_], npt.NDArray[np.str_]]:
    """Return the feature of each customer and what is to be said of it; features are gone through, not customers."""
    texts = np.empty(len(chosen), dtype=object)
    for number in np.unique(chosen):
        feature = get_feature(names[number])
        rows = np.flatnonzero(chosen == number)
        texts[rows] = _describe(feature, columns[feature.name], rows, typical[feature.name], days=days)
    return np.array(names)[chosen], texts


def _describe(feature: Feature, column: Column, rows: Rows, typical: Typical, *, days: int) -> list[str]:
    values, distinct = np.unique(column.values[rows], return_inverse=True)
    usual = typical.level if feature.kind == "category" else _write(feature, typical.number)
    said = [_say(feature, column, value, usual, days=days) for value in values]
    return [said[place] for place in distinct]


def _say(feature: Feature, column: Column, value: float, usual: str, *, days: int) -> str:
    words = feature.say(days)
    if np.isnan(value):
        return f"{words}: not known"
    if feature.kind == "flag":
        return words if value else f"not in {words}"
    if feature.kind == "category":
        return f"{words}: {column.levels[int(value)]}"
    return f"{words}: {_write(feature, value)} (usual: {usual})"


def _write(feature: Feature, value: float) -> str:
    if feature.unit == "days":
        return f"{value:,.0f} days ago" if feature.name.startswith("days_since") else f"{value:,.1f} days"
    if feature.unit == "%":
        sign = "+" if "change" in feature.name or "trend" in feature.name or "momentum" in feature.name else ""
        return f"{value:{sign},.0f} %"
    if feature.unit == "months":
        return f"{value:,.0f} months"
    if feature.unit == "money":
        return f"{value:,.0f}"
    return f"{value:,.0f}" if abs(value - round(value)) < 1e-9 else f"{value:,.1f}"
