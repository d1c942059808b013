"""Maximum likelihood of models whose parameters are all positive, with intervals from the observed information.

Everything happens on the logarithms of the parameters, where a normal approximation fits best and no bound is needed:
L-BFGS-B from one start, on a part of the customers where they are many, then Newton steps on all of them until the
gradient is nil, so that estimates depend neither on the start nor on the part.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.stats import norm

from customer360.errors import NotIdentified

Floats = npt.NDArray[np.float64]
Score = Callable[[Floats], tuple[float, Floats]]
"""Logarithms of the parameters → log-likelihood and its gradient, both summed over customers."""

CONFIDENCE = 0.95
FARTHEST = 12.0
"""Bound on the logarithms; a maximum out there means that the likelihood rises without end."""
STEP = 1e-4
NEWTON_STEPS = 20
LONGEST, SHORTEST = 1.0, 1e-8
"""Steps of the logarithms: a longer one is no correction any more, a shorter one the end."""
SAMPLE = 50_000
FLATTEST = 1e-9
"""Smallest curvature, as a share of the largest, at which a direction still counts as known."""


@dataclass(frozen=True)
class Estimate:
    """A maximum of a likelihood, on the logarithms of its parameters."""

    names: tuple[str, ...]
    logarithms: Floats
    covariance: Floats
    """Of the logarithms: the inverse of the observed information."""
    log_likelihood: float

    @property
    def values(self) -> Floats:
        """The estimates themselves."""
        return np.exp(self.logarithms)

    def interval(self, name: str, *, confidence: float = CONFIDENCE) -> tuple[float, float]:
        """Return the Wald interval of a parameter, made on its logarithm and therefore positive."""
        place = self.names.index(name)
        reach = float(norm.ppf((1 + confidence) / 2) * np.sqrt(self.covariance[place, place]))
        low, high = np.exp(self.logarithms[place] + np.array([-reach, reach]))
        return float(low), float(high)

    def draw(self, generator: np.random.Generator, size: int) -> Floats:
        """Return ``size`` draws of all parameters, (size, parameters), from their approximate distribution."""
        return np.exp(generator.multivariate_normal(self.logarithms, self.covariance, size, method="cholesky"))

    def as_dict(self) -> dict[str, dict[str, float | list[float]]]:
        """Return estimate and interval by parameter."""
        return {
            name: {"estimate": float(value), "interval": list(self.interval(name))}
            for name, value in zip(self.names, self.values, strict=True)
        }


def thin(values: Floats, *, most: int = SAMPLE) -> Floats:
    """Return every n-th value, so that at most ``most`` remain."""
    return values[:: -(-len(values) // most) or 1]


def maximise(score: Score, rough: Score, names: Sequence[str], start: Sequence[float], *, unknown: str) -> Estimate:
    """Return the maximum of a likelihood; ``start`` holds positive parameters.

    ``rough`` is the same of fewer customers, which leads near the maximum at a fraction of the cost.

    Raises:
        NotIdentified: the likelihood is flat or rises without end; ``unknown`` says what the data do not tell.
    """
    near = _climb(rough, np.log(np.asarray(start, dtype=float)))
    logarithms, is_top = _polish(score, near)
    if not is_top:
        logarithms, is_top = _polish(score, _climb(score, near))
    information = -_curvature(score, logarithms)
    spread = np.linalg.eigvalsh(information) if np.isfinite(information).all() else np.zeros(len(start))
    if not is_top or np.abs(logarithms).max() > FARTHEST or spread[0] <= FLATTEST * max(spread[-1], 1.0):
        values = ", ".join(f"{name}={value:.4g}" for name, value in zip(names, np.exp(logarithms), strict=True))
        raise NotIdentified(
            f"The data do not determine the model: {unknown} The likelihood is flat around {values}.",
            next_action="Give a longer period, or customers who came long enough ago to have come back or left.",
        )
    return Estimate(
        tuple(names), logarithms, np.asarray(np.linalg.inv(information), dtype=np.float64), score(logarithms)[0]
    )


def _climb(score: Score, start: Floats) -> Floats:
    """Go up by L-BFGS-B, from anywhere."""
    scale = max(abs(score(start)[0]), 1.0)

    def descend(logarithms: Floats) -> tuple[float, Floats]:
        height, gradient = score(logarithms)
        return -height / scale, -gradient / scale

    bounds = [(-FARTHEST, FARTHEST)] * len(start)
    options = {"maxiter": 500, "ftol": 1e-12, "gtol": 1e-8}
    return np.asarray(minimize(descend, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options).x)


def _polish(score: Score, logarithms: Floats) -> tuple[Floats, bool]:
    """Go to where the gradient is nil by Newton steps with the curvature near by, and tell whether that is reached."""
    curvature = _curvature(score, logarithms)
    for number in range(NEWTON_STEPS):
        try:
            step = -np.linalg.solve(curvature, score(logarithms)[1])
        except np.linalg.LinAlgError:
            return logarithms, False
        farthest = np.abs(step).max()
        if not farthest < LONGEST:
            return logarithms, False
        logarithms = logarithms + step
        if farthest < SHORTEST:
            return logarithms, True
        if number % 4 == 3:
            curvature = _curvature(score, logarithms)
    return logarithms, False


def _curvature(score: Score, logarithms: Floats) -> Floats:
    """Return the matrix of second derivatives, from central differences of the gradient."""
    rows = []
    for direction in STEP * np.eye(len(logarithms)):
        ahead, behind = score(logarithms + direction)[1], score(logarithms - direction)[1]
        rows.append((ahead - behind) / (2 * STEP))
    return np.asarray((np.array(rows) + np.array(rows).T) / 2)
