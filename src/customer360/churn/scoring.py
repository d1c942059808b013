"""Figures of a score against what happened, for the rows as they are and for many resamples of them at once.

A resample is a row of weights: how often each customer was drawn. Those who left and those who stayed are drawn apart,
so every resample has as many of both. Ties count half in the AUC; PR-AUC is average precision.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from customer360.churn.arrays import Flags, Floats, Rows

DRAWS = 1000
CELLS = 20_000_000
"""Most draws times rows; on large tables, where intervals are narrow anyway, there are fewer draws."""
FEWEST_DRAWS = 200
CHUNK_CELLS = 1_000_000
LEVEL = 0.95
TENTHS = 10


@dataclass(frozen=True)
class Figure:
    """An estimate with its 95 % interval."""

    estimate: float
    interval: tuple[float, float]


@dataclass(frozen=True)
class Scored:
    """A probability for each row, and which rows it calls leavers."""

    probability: Floats
    flagged: Flags


def draw_count(rows: int) -> int:
    """Return how many resamples a table of so many rows gets."""
    return int(np.clip(CELLS // max(rows, 1), FEWEST_DRAWS, DRAWS))


def resamples(left: Flags, draws: int, seed: int) -> Iterator[Floats]:
    """Yield chunks of weights, a row for each resample."""
    rng = np.random.default_rng(seed)
    parts = [np.flatnonzero(left), np.flatnonzero(~left)]
    chunk = max(1, CHUNK_CELLS // len(left))
    for start in range(0, draws, chunk):
        weights = np.zeros((min(chunk, draws - start), len(left)))
        for row in weights:
            for members in parts:
                drawn = rng.integers(0, len(members), len(members))
                row[members] = np.bincount(drawn, minlength=len(members))
        yield weights


def figures(scored: Scored, left: Flags, weights: Floats) -> dict[str, Floats]:
    """Return each figure for each row of weights."""
    ranked = _ranked(scored.probability, left, weights)
    called, hit = _total(weights, scored.flagged), _total(weights, scored.flagged & left)
    leavers, everybody = _total(weights, left), weights.sum(axis=1)
    error = np.square(scored.probability - left)
    return {
        "auc": _auc(*ranked),
        "pr_auc": _average_precision(*ranked),
        "f1": 2 * hit / np.maximum(called + leavers, 1),
        "precision": hit / np.maximum(called, 1),
        "recall": hit / np.maximum(leavers, 1),
        "brier": weights @ error / everybody,
        "calibration_error": _calibration_error(scored.probability, left, weights),
    }


def auc(score: Floats, left: Flags) -> float:
    """Return the chance that one who left has a higher score than one who stayed; ties count half."""
    return float(_auc(*_ranked(score, left, np.ones((1, len(left)))))[0])


def _total(weights: Floats, which: Flags) -> Floats:
    total: Floats = weights @ which.astype(np.float64)
    return total


def _ranked(score: Floats, left: Flags, weights: Floats) -> tuple[Floats, Floats]:
    """Return, for each different score from the lowest, the weight of those who left and of those who stayed."""
    order = np.argsort(score, kind="stable")
    ranked = score[order]
    starts = np.flatnonzero(np.append(True, ranked[1:] != ranked[:-1]))
    sorted_weights = weights[:, order]
    leavers = np.add.reduceat(sorted_weights * left[order], starts, axis=1)
    return leavers, np.add.reduceat(sorted_weights, starts, axis=1) - leavers


def _auc(leavers: Floats, stayers: Floats) -> Floats:
    below = np.cumsum(stayers, axis=1) - stayers / 2
    chance: Floats = (leavers * below).sum(axis=1) / (leavers.sum(axis=1) * stayers.sum(axis=1))
    return chance


def _average_precision(leavers: Floats, stayers: Floats) -> Floats:
    hits = np.cumsum(leavers[:, ::-1], axis=1)
    called = hits + np.cumsum(stayers[:, ::-1], axis=1)
    precision = hits / np.maximum(called, 1e-12)
    average: Floats = (leavers[:, ::-1] * precision).sum(axis=1) / leavers.sum(axis=1)
    return average


def tenths(score: Floats) -> Rows:
    """Return the tenth of each row, 0 for the highest scores; equal scores in order of rows."""
    places = np.empty(len(score), dtype=np.int64)
    places[np.argsort(-score, kind="stable")] = np.arange(len(score))
    return places * TENTHS // len(score)


def _by_tenth(values: Floats, tenth: Rows, weights: Floats) -> Floats:
    """Return weighted sums of values, a column for each tenth."""
    columns = np.zeros((len(values), TENTHS))
    columns[np.arange(len(values)), tenth] = values
    total: Floats = weights @ columns
    return total


def _calibration_error(probability: Floats, left: Flags, weights: Floats) -> Floats:
    gaps = np.abs(_by_tenth(probability - left, tenths(probability), weights))
    error: Floats = gaps.sum(axis=1) / weights.sum(axis=1)
    return error


@dataclass(frozen=True)
class Tenth:
    """A tenth of the customers by score: what was promised, what happened, and how many times the average that is."""

    tenth: int
    rows: int
    left: int
    mean_probability: float
    rate: Figure
    lift: Figure
    captured: float
    """Share of all who left that is in this tenth or a higher one."""


@dataclass(frozen=True)
class Judgement:
    """Figures of several scores from the same resamples, so that they can be compared row by row."""

    figures: Mapping[str, Mapping[str, Figure]]
    differences: Mapping[str, Mapping[str, Figure]]
    """The first score's figures less each other score's."""
    tenths: tuple[Tenth, ...]
    """Of the first score."""
    draws: int


def judge(scores: Mapping[str, Scored], left: Flags, *, seed: int, draws: int | None = None) -> Judgement:
    """Return the figures of each score with intervals, and the first score's tenths."""
    count = draws or draw_count(len(left))
    once = np.ones((1, len(left)))
    estimates = {name: figures(scored, left, once) for name, scored in scores.items()}
    first = next(iter(scores))
    tenth = tenths(scores[first].probability)
    drawn: dict[str, list[dict[str, Floats]]] = {name: [] for name in scores}
    rates = []
    for weights in resamples(left, count, seed):
        for name, scored in scores.items():
            drawn[name].append(figures(scored, left, weights))
        rates.append(_rates(left, tenth, weights))
    joined = {name: _join(chunks) for name, chunks in drawn.items()}
    return Judgement(
        {name: _figures_of(estimates[name], joined[name]) for name in scores},
        {
            name: _figures_of(_less(estimates[first], estimates[name]), _less(joined[first], joined[name]))
            for name in scores
            if name != first
        },
        _describe_tenths(scores[first].probability, left, tenth, np.concatenate(rates)),
        count,
    )


def _join(chunks: list[dict[str, Floats]]) -> dict[str, Floats]:
    return {name: np.concatenate([chunk[name] for chunk in chunks]) for name in chunks[0]}


def _less(one: Mapping[str, Floats], other: Mapping[str, Floats]) -> dict[str, Floats]:
    return {name: one[name] - other[name] for name in one}


def _figures_of(estimates: Mapping[str, Floats], drawn: Mapping[str, Floats]) -> dict[str, Figure]:
    found = {}
    for name, values in drawn.items():
        estimate = float(estimates[name][0])
        low, high = quantiles(values)
        if name == "calibration_error":  # resampling adds to a sum of gaps; its spread is right, its place is not
            shift = estimate - float(np.median(values))
            low, high = max(low + shift, 0.0), high + shift
        found[name] = Figure(estimate, (low, high))
    return found


def quantiles(values: Floats) -> tuple[float, float]:
    """Return the bounds between which 95 % of the draws lie."""
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def _rates(left: Flags, tenth: Rows, weights: Floats) -> Floats:
    sizes = _by_tenth(np.ones(len(left)), tenth, weights)
    rates: Floats = _by_tenth(left.astype(np.float64), tenth, weights) / np.maximum(sizes, 1)
    return rates


def _describe_tenths(probability: Floats, left: Flags, tenth: Rows, drawn: Floats) -> tuple[Tenth, ...]:
    average, described = float(left.mean()), []
    for number in range(TENTHS):
        members = tenth == number
        rate = float(left[members].mean())
        low, high = quantiles(drawn[:, number])
        described.append(
            Tenth(
                tenth=number + 1,
                rows=int(members.sum()),
                left=int(left[members].sum()),
                mean_probability=float(probability[members].mean()),
                rate=Figure(rate, (low, high)),
                lift=Figure(rate / average, (low / average, high / average)),
                captured=float(left[tenth <= number].sum() / left.sum()),
            )
        )
    return tuple(described)
