"""How far the customers of today differ from those that a model learnt from: the population stability index.

PSI sums (share now - share then) * ln(share now / share then) over parts of the values; credit risk reads below 0.1 as
steady, above 0.25 as another population (Siddiqi 2006, Credit Risk Scorecards).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from customer360.churn.arrays import Floats

PARTS = 10
STEADY, SHIFTED = 0.1, 0.25
LEAST_SHARE = 1e-4


@dataclass(frozen=True)
class Spread:
    """The shares of values between edges, of codes, or missing (last), among the customers learnt from."""

    edges: tuple[float, ...]
    shares: tuple[float, ...]

    def psi(self, values: Floats) -> float:
        """Return the population stability index of other values against these."""
        then = np.maximum(self.shares, LEAST_SHARE)
        now = np.maximum(_shares(values, np.array(self.edges)), LEAST_SHARE)
        return float(((now - then) * np.log(now / then)).sum())


def learn_spread(values: Floats) -> Spread:
    """Return the shares of values in tenths; of few different values each is a part."""
    known = values[~np.isnan(values)]
    different = np.unique(known)
    if len(different) > PARTS:
        different = np.unique(np.quantile(known, np.linspace(0, 1, PARTS + 1)[1:-1]))
    elif len(different):
        different = different[1:]
    return Spread(tuple(different.tolist()), tuple(_shares(values, different).tolist()))


def _shares(values: Floats, edges: Floats) -> Floats:
    missing = np.isnan(values)
    parts = np.where(missing, len(edges) + 1, np.searchsorted(edges, values, side="right"))
    return np.bincount(parts, minlength=len(edges) + 2) / max(len(values), 1)


def compare(then: Mapping[str, Spread], now: Mapping[str, Floats]) -> dict[str, float]:
    """Return the index of each name, the greatest first."""
    found = {name: spread.psi(now[name]) for name, spread in then.items()}
    return dict(sorted(found.items(), key=lambda pair: (-pair[1], pair[0])))
