"""The risk score: where a customer's margin lies among those the model learnt from, and the band that gives (X.35)."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from customer360.churn.arrays import Floats, Rows

MEDIUM, HIGH, TOP = 40, 70, 100
SHARES = (0.0, 0.75, 0.925, 1.0)
"""Shares of the customers learnt from that lie below the scores 0, 40, 70 and 100."""
STEPS = 15
"""Parts of a band in each of which the score rises in a straight line."""
LOW_RISK, MEDIUM_RISK, HIGH_RISK, NOT_SCORED = "Low Risk", "Medium Risk", "High Risk", "Not Scored"


@dataclass(frozen=True)
class ScoreMap:
    """A rising map from margin to score, frozen when the model is trained."""

    margins: Floats
    scores: Floats

    def score(self, margin: Floats) -> Rows:
        """Return whole scores from 0 to 100; a score of 39.9 is still 39, and low."""
        found = np.interp(margin, self.margins, self.scores)
        return np.clip(np.floor(found + 1e-9), 0, TOP).astype(np.int64)


def freeze_scores(margins: Floats) -> ScoreMap:
    """Return the map under which 75 % of ``margins`` score below 40 and 92.5 % below 70.

    Equal margins score as the middle of their shares does: where all are equal nobody is called a risk.
    """
    parts = [np.linspace(low, high, STEPS + 1)[:-1] for low, high in itertools.pairwise(SHARES)]
    shares = np.append(np.concatenate(parts), 1.0)
    different, first = np.unique(np.quantile(margins, shares), return_index=True)
    last = np.append(first[1:], len(shares)) - 1
    middle = (shares[first] + shares[last]) / 2
    return ScoreMap(different, np.interp(middle, SHARES, (0, MEDIUM, HIGH, TOP)))


def band(scores: Rows) -> npt.NDArray[np.str_]:
    """Return the band of each score: low to 39, medium to 69, high from 70."""
    return np.where(scores >= HIGH, HIGH_RISK, np.where(scores >= MEDIUM, MEDIUM_RISK, LOW_RISK))
