"""How much a purchase is worth: the gamma–gamma model of spend.

A customer's purchases vary around a mean of their own as a gamma distribution (shape p, rate ν); ν differs between
customers as a gamma distribution (shape q, rate gamma). How much is spent must not depend on how often one buys.

Source, cited below as FH 2013: Fader and Hardie, The Gamma-Gamma Model of Monetary Value (note 025), 2013; the model
is that of Fader, Hardie and Lee, RFM and CLV, Journal of Marketing Research 42(4), 2005.

``frequency`` is the number of repeat purchases with a positive amount (x), ``mean_value`` their mean (z̄).
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from scipy.special import gammaln, psi

from customer360.errors import NotIdentified
from customer360.value.bg_nbd import FEWEST_REPEATING, NEGLIGIBLE
from customer360.value.fitting import Estimate, Floats, climb, estimate_at, thin

PARAMETERS = ("p", "q", "gamma")
CERTAIN = 1e4
"""p where a customer's mean says for certain what their purchases are worth."""
UNKNOWN = "how customers differ in what they spend cannot be told from these amounts."


class GammaGamma(NamedTuple):
    """Parameters of the model; gamma in money."""

    p: float
    q: float
    gamma: float


def log_likelihood(model: GammaGamma, frequency: Floats, mean_value: Floats) -> Floats:
    """Return each customer's log-likelihood: FH 2013, equation 1a; both arguments positive."""
    p, q, gamma = model
    shape = p * frequency
    value = gammaln(shape + q) - gammaln(shape) - gammaln(q) + q * np.log(gamma) + shape * np.log(frequency)
    value += (shape - 1) * np.log(mean_value) - (shape + q) * np.log(gamma + frequency * mean_value)
    return np.asarray(value)


class Valued(NamedTuple):
    """Customers with a value, and the sums over them that do not depend on the parameters."""

    frequency: Floats
    mean_value: Floats
    total: Floats
    by_frequency: Floats
    """Number of customers with 0, 1, 2 … purchases that have a value."""
    fixed: float
    weighted: float
    """Sum of frequency × logarithm of the total."""


def value_of(frequency: Floats, mean_value: Floats) -> Valued:
    """Return what the likelihood needs of customers, both arguments positive."""
    total, number = frequency * mean_value, np.bincount(frequency.astype(int)).astype(float)
    return Valued(
        frequency, mean_value, total, number, float(np.log(mean_value).sum()), float(frequency @ np.log(total))
    )


def score(model: GammaGamma, customers: Valued) -> tuple[float, Floats]:
    """Return the log-likelihood of all customers and its gradient by the logarithms of the three parameters."""
    p, q, gamma = model
    x, _, total, by_frequency, fixed, weighted = customers
    repeats, number = np.arange(1, len(by_frequency), dtype=float), by_frequency[1:]
    over, shape = np.log(gamma + total), p * repeats
    height = number @ (gammaln(shape + q) - gammaln(shape)) + p * weighted - fixed - p * (x @ over) - q * over.sum()
    height += len(x) * (q * np.log(gamma) - gammaln(q))
    of_both = psi(shape + q)
    by_parameter = (
        (number * repeats) @ (of_both - psi(shape)) + weighted - x @ over,
        number @ of_both + len(x) * (np.log(gamma) - psi(q)) - over.sum(),
        len(x) * q / gamma - ((p * x + q) / (gamma + total)).sum(),
    )
    return float(height), np.array(by_parameter) * np.array(model)


def fit_gamma_gamma(frequency: Floats, mean_value: Floats) -> Estimate:
    """Return the parameters by maximum likelihood, from the customers with a repeat purchase of positive amount.

    Where p and gamma are not determined because the means of frequent and rare buyers vary alike, each customer's own
    mean is taken for what their purchases are worth: p is as good as infinite, and only p · gamma means something.

    Raises:
        NotIdentified: there are too few of those, or the likelihood has no maximum.
    """
    valued = (frequency > 0) & (mean_value > 0)
    if valued.sum() < FEWEST_REPEATING:
        raise NotIdentified(
            f"Only {valued.sum():,} customers have a repeat purchase with an amount above 0: what a purchase is worth "
            "cannot be told from them.",
            next_action=f"Name the column that holds amounts; at least {FEWEST_REPEATING} customers have to have some.",
            details=[{"field": "amount", "value": int(valued.sum()), "message": f"fewer than {FEWEST_REPEATING}"}],
        )
    x, z = frequency[valued], mean_value[valued]
    scale = float(z.mean())
    everyone, some = value_of(x, z / scale), value_of(thin(x), thin(z) / scale)

    def of_all(logarithms: Floats) -> tuple[float, Floats]:
        return score(GammaGamma(*np.exp(logarithms)), everyone)

    top = climb(of_all, lambda logarithms: score(GammaGamma(*np.exp(logarithms)), some), (2.0, 3.0, 1.0))
    try:
        found = estimate_at(of_all, top, PARAMETERS, unknown=UNKNOWN)
    except NotIdentified:
        found = _fit_certain(everyone)
        if found.log_likelihood < of_all(top)[0] - NEGLIGIBLE:
            raise
    shift = np.array([0.0, 0.0, np.log(scale)])
    height = found.log_likelihood - len(z) * np.log(scale)
    return replace(found, logarithms=found.logarithms + shift, log_likelihood=height)


def _fit_certain(customers: Valued) -> Estimate:
    """Return q and gamma where a customer's mean says for certain what their purchases are worth: p to infinity."""

    def of_all(logarithms: Floats) -> tuple[float, Floats]:
        q, gamma = np.exp(logarithms)
        height, gradient = score(GammaGamma(CERTAIN, q, gamma), customers)
        return height, gradient[1:]

    top = climb(of_all, of_all, (3.0, 2.0 / CERTAIN))
    found = estimate_at(of_all, top, PARAMETERS[1:], unknown=UNKNOWN)
    covariance = np.zeros((3, 3))
    covariance[1:, 1:] = found.covariance
    logarithms = np.append(np.log(CERTAIN), found.logarithms)
    return Estimate(PARAMETERS, logarithms, covariance, found.log_likelihood, fixed={"p": CERTAIN})


def expected_value(model: GammaGamma, frequency: Floats, mean_value: Floats) -> Floats:
    """Return what a purchase of each customer is worth on average: FH 2013, equation 5.

    It lies between the mean of all, p·gamma / (q − 1), which holds without a repeat purchase, and the customer's own.
    Not a number where that mean is infinite.
    """
    p, q, gamma = model
    shape = p * frequency + q - 1
    with np.errstate(divide="ignore", invalid="ignore"):
        value = p * (gamma + frequency * np.where(frequency > 0, mean_value, 0.0)) / shape
    return np.where(shape > 0, value, np.nan)
