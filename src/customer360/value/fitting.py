"""Maximum likelihood of models whose parameters are all positive, with intervals from the observed information.

Everything happens on the logarithms of the parameters, where a normal approximation fits best and no bound is needed:
L-BFGS-B from one start, on a part of the customers where they are many, then Newton steps on all of them until the
gradient is nil, so that estimates depend neither on the start nor on the part.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

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
"""Bound on the logarithms; the likelihood rises without end where it is met."""
STEP = 1e-4
NEWTON_STEPS = 20
LONGEST, SHORTEST = 1.0, 1e-8
"""Steps of the logarithms: a longer one is no correction any more, a shorter one the end."""
SAMPLE = 50_000
VAGUEST = 5.0
"""Largest standard error of a logarithm, in any direction, at which the parameters still count as known."""
NEAR = 1e-4
"""Most that a maximum may still be away, on the logarithms."""


@dataclass(frozen=True)
class Parameter:
    """One parameter as it is shown; what was not estimated has no interval, and no value where any would do."""

    name: str
    estimate: float | None
    interval: tuple[float, float] | None


@dataclass(frozen=True)
class Estimate:
    """A maximum of a likelihood, on the logarithms of its parameters."""

    names: tuple[str, ...]
    logarithms: Floats
    covariance: Floats
    """Of the logarithms: the inverse of the observed information."""
    log_likelihood: float
    fixed: Mapping[str, float | None] = field(default_factory=dict)
    """Parameters that were not estimated, as they are shown: None where any value would do."""

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
        return np.exp(generator.multivariate_normal(self.logarithms, self.covariance, size, method="eigh"))

    def parameters(self) -> list[Parameter]:
        """Return the parameters as they are shown."""
        return [
            Parameter(name, self.fixed[name], None)
            if name in self.fixed
            else Parameter(name, float(value), self.interval(name))
            for name, value in zip(self.names, self.values, strict=True)
        ]


def thin(values: Floats, *, most: int = SAMPLE) -> Floats:
    """Return every n-th value, so that at most ``most`` remain."""
    return values[:: -(-len(values) // most) or 1]


def climb(score: Score, rough: Score, start: Sequence[float]) -> Floats:
    """Return the logarithms where a likelihood is highest; ``start`` holds positive parameters.

    ``rough`` is the same of fewer customers, which leads near the maximum at a fraction of the cost. Where there is no
    maximum, what is returned lies far out.
    """
    near = _climb(rough, np.log(np.asarray(start, dtype=float)))
    polished = _polish(score, near)
    if polished is None:
        top = _climb(score, near)
        polished = _polish(score, top)
        return top if polished is None else polished
    return polished


def estimate_at(score: Score, logarithms: Floats, names: Sequence[str], *, unknown: str) -> Estimate:
    """Return the estimate that a maximum is, with the observed information around it.

    Raises:
        NotIdentified: the likelihood is flat there; ``unknown`` says what the data do not tell.
    """
    height, gradient = score(logarithms)
    information = -_curvature(score, logarithms)
    sound = np.isfinite(information).all() and np.linalg.eigvalsh(information)[0] > VAGUEST**-2
    if sound:
        covariance = np.asarray(np.linalg.inv(information), dtype=np.float64)
        if np.abs(covariance @ gradient).max() < NEAR:
            return Estimate(tuple(names), logarithms, covariance, height)
    values = ", ".join(f"{name}={value:.4g}" for name, value in zip(names, np.exp(logarithms), strict=True))
    raise NotIdentified(
        f"The data do not determine the model: {unknown} The likelihood is flat around {values}.",
        next_action="Give a longer period, or customers who came long enough ago to have come back or left.",
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


def _polish(score: Score, logarithms: Floats) -> Floats | None:
    """Go to where the gradient is nil by Newton steps with the curvature near by; None where they lead nowhere."""
    curvature = _curvature(score, logarithms)
    for number in range(1, NEWTON_STEPS + 1):
        try:
            step = -np.linalg.solve(curvature, score(logarithms)[1])
        except np.linalg.LinAlgError:
            return None
        farthest = np.abs(step).max()
        if not farthest < LONGEST:
            return None
        logarithms = logarithms + step
        if farthest < SHORTEST:
            return logarithms
        if number % 4 == 0:
            curvature = _curvature(score, logarithms)
    return None


def _curvature(score: Score, logarithms: Floats) -> Floats:
    """Return the matrix of second derivatives, from central differences of the gradient."""
    rows = []
    for direction in STEP * np.eye(len(logarithms)):
        ahead, behind = score(logarithms + direction)[1], score(logarithms - direction)[1]
        rows.append((ahead - behind) / (2 * STEP))
    return np.asarray((np.array(rows) + np.array(rows).T) / 2)
