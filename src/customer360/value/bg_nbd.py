"""How often customers buy until they leave: the BG/NBD model of Fader, Hardie and Lee.

A customer buys at random at a rate of their own, and leaves after any purchase with a probability of their own. Rates
differ between customers as a gamma distribution (shape r, rate alpha), probabilities as a beta distribution (a, b).

Sources, cited below by these names:
    FHL 2005: Fader, Hardie, Lee, "Counting Your Customers" the Easy Way, Marketing Science 24(2), 275–284.
    FHL 2008: Fader, Hardie, Lee, Computing P(alive) Using the BG/NBD Model (note 021).
    FH 2013: Fader, Hardie, Overcoming the BG/NBD Model's #NUM! Error Problem (note 027).

All functions take arrays of one length: ``frequency`` (repeat purchases, x), ``recency`` (first to last purchase, t_x)
and ``age`` (first purchase to the end of the calibration, T), both in weeks.
"""

from __future__ import annotations

from contextlib import suppress
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln, hyp2f1, psi, roots_jacobi

from customer360.errors import NotIdentified
from customer360.value.fitting import Estimate, Floats, climb, estimate_at, thin

PARAMETERS = ("r", "alpha", "a", "b")
FEWEST_REPEATING = 50
NODES = 64
NEAR_ONE = 1e-5
STAYING = (1e-300, 2.0)
"""a and b where nobody leaves."""
ALIKE = 1e6
"""b where all customers leave with the same probability after a purchase, a / (a + b)."""
NEGLIGIBLE = 1.92
"""Log-likelihood that leaving has to gain before it counts: half the 95 % quantile of χ² with one degree of freedom."""
UNKNOWN = "how customers differ in their rate of buying, or in leaving, cannot be told from these purchases."


class BgNbd(NamedTuple):
    """Parameters of the model; alpha in weeks."""

    r: float
    alpha: float
    a: float
    b: float


class Grouped(NamedTuple):
    """Customers with the same statistics, counted once with their number as weight."""

    frequency: Floats
    recency: Floats
    age: Floats
    weight: Floats
    by_frequency: Floats
    """Number of customers with 0, 1, 2 … repeat purchases."""


def group(frequency: Floats, recency: Floats, age: Floats) -> Grouped:
    """Return each distinct (frequency, recency, age) with its number of customers; the likelihood needs no more."""
    rows, place_of = distinct(np.column_stack([frequency, recency, age]))
    different = np.ascontiguousarray(rows.T)
    by_frequency = np.bincount(frequency.astype(int)).astype(float)
    return Grouped(different[0], different[1], different[2], np.bincount(place_of).astype(float), by_frequency)


def distinct(rows: Floats) -> tuple[Floats, npt.NDArray[np.intp]]:
    """Return the different rows, in ascending order of their columns, and where among them each row is."""
    order = np.lexsort(rows.T[::-1])
    ordered = rows[order]
    is_first = np.ones(len(rows), dtype=bool)
    is_first[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    place_of = np.empty(len(rows), dtype=np.intp)
    place_of[order] = np.cumsum(is_first) - 1
    return ordered[is_first], place_of


def log_likelihood(model: BgNbd, frequency: Floats, recency: Floats, age: Floats) -> Floats:
    """Return each customer's log-likelihood: FHL 2005, equation 6, as the sum of logarithms of FH 2013."""
    alive = -(model.r + frequency) * np.log(model.alpha + age)
    odds = log_odds_of_having_left(model, frequency, recency, age)
    return np.asarray(_counted(model, frequency) + alive + np.logaddexp(0.0, odds))


def _counted(model: BgNbd, frequency: Floats) -> Floats:
    """Return the part of the log-likelihood that only the number of purchases enters."""
    r, alpha, a, b = model
    buying = gammaln(r + frequency) - gammaln(r) + r * np.log(alpha)
    staying = gammaln(a + b) - gammaln(a + b + frequency) + gammaln(b + frequency) - gammaln(b)
    return np.asarray(buying + staying)


def log_odds_of_having_left(model: BgNbd, frequency: Floats, recency: Floats, age: Floats) -> Floats:
    """Return the logarithm of P(gone) / P(alive): FHL 2008; minus infinity without a repeat purchase."""
    r, alpha, a, b = model
    repeats = np.maximum(frequency, 1)
    odds = np.log(a) - np.log(b + repeats - 1) + (r + frequency) * np.log((alpha + age) / (alpha + recency))
    return np.where(frequency > 0, odds, -np.inf)


def score(model: BgNbd, customers: Grouped) -> tuple[float, Floats]:
    """Return the log-likelihood of all customers and its gradient by the logarithms of the four parameters."""
    r, alpha, a, b = model
    x, recency, age, weight, number = customers
    repeats = np.arange(len(number), dtype=float)
    since_first, odds = np.log(alpha + age), log_odds_of_having_left(model, x, recency, age)
    either = np.logaddexp(0.0, odds)
    left = np.exp(odds - either)
    height = number @ _counted(model, repeats) + weight @ (either - (r + x) * since_first)
    of_both = number @ (psi(a + b) - psi(a + b + repeats))
    ends = since_first - left * np.log((alpha + age) / (alpha + recency))
    by_parameter = (
        number @ (psi(r + repeats) - psi(r) + np.log(alpha)) - weight @ ends,
        number.sum() * r / alpha - weight @ ((r + x) * ((1 - left) / (alpha + age) + left / (alpha + recency))),
        of_both + weight @ left / a,
        of_both + number @ (psi(b + repeats) - psi(b)) - weight @ (left / (b + np.maximum(x, 1) - 1)),
    )
    return float(height), np.array(by_parameter) * np.array(model)


def fit_bg_nbd(frequency: Floats, recency: Floats, age: Floats) -> Estimate:
    """Return the parameters by maximum likelihood.

    Where a and b are not determined, a simpler model is fitted if the data speak against it no more than chance would
    (likelihood ratio): one where nobody leaves (NBD: a is 0, b is not estimated), or else one where all customers leave
    with the same probability after a purchase (only a / (a + b) means something).

    Raises:
        NotIdentified: too few customers came back, or the likelihood has no maximum.
    """
    repeating = int((frequency > 0).sum())
    if repeating < FEWEST_REPEATING:
        raise NotIdentified(
            f"Only {repeating:,} of {len(frequency):,} customers bought on a second day up to the calibration's end: "
            "whether and when customers leave (a and b) cannot be told from them.",
            next_action=f"Give a longer period; at least {FEWEST_REPEATING} customers have to have come back.",
            details=[{"field": "repeat_customers", "value": repeating, "message": f"fewer than {FEWEST_REPEATING}"}],
        )
    everyone, some = group(frequency, recency, age), group(thin(frequency), thin(recency), thin(age))

    def of_all(logarithms: Floats) -> tuple[float, Floats]:
        return score(BgNbd(*np.exp(logarithms)), everyone)

    start = (1.0, float(age.mean()) or 1.0, 1.0, 2.0)
    top = climb(of_all, lambda logarithms: score(BgNbd(*np.exp(logarithms)), some), start)
    try:
        return estimate_at(of_all, top, PARAMETERS, unknown=UNKNOWN)
    except NotIdentified:
        enough = of_all(top)[0] - NEGLIGIBLE
        for simpler in (fit_without_leaving, fit_alike):
            with suppress(NotIdentified):
                if (found := simpler(everyone)).log_likelihood >= enough:
                    return found
        raise


def fit_without_leaving(customers: Grouped) -> Estimate:
    """Return r and alpha where nobody ever leaves, which is the NBD model: the limit of a / (a + b) → 0.

    Raises:
        NotIdentified: the likelihood has no maximum.
    """

    def of_all(logarithms: Floats) -> tuple[float, Floats]:
        r, alpha = np.exp(logarithms)
        height, gradient = score(BgNbd(r, alpha, *STAYING), customers)
        return height, gradient[:2]

    top = climb(of_all, of_all, (1.0, float(customers.age.mean()) or 1.0))
    found = estimate_at(of_all, top, PARAMETERS[:2], unknown=UNKNOWN)
    covariance = np.zeros((4, 4))
    covariance[:2, :2] = found.covariance
    logarithms = np.append(found.logarithms, np.log(STAYING))
    return Estimate(PARAMETERS, logarithms, covariance, found.log_likelihood, fixed={"a": 0.0, "b": None})


def fit_alike(customers: Grouped) -> Estimate:
    """Return r, alpha and a where customers do not differ in leaving: a and b go to infinity in one proportion.

    Raises:
        NotIdentified: the likelihood has no maximum.
    """

    def of_all(logarithms: Floats) -> tuple[float, Floats]:
        r, alpha, a = np.exp(logarithms)
        height, gradient = score(BgNbd(r, alpha, a, ALIKE), customers)
        return height, gradient[:3]

    top = climb(of_all, of_all, (1.0, float(customers.age.mean()) or 1.0, ALIKE / 1000))
    found = estimate_at(of_all, top, PARAMETERS[:3], unknown=UNKNOWN)
    covariance = np.zeros((4, 4))
    covariance[:3, :3] = found.covariance
    logarithms = np.append(found.logarithms, np.log(ALIKE))
    return Estimate(PARAMETERS, logarithms, covariance, found.log_likelihood, fixed={"b": ALIKE})


def probability_alive(model: BgNbd, frequency: Floats, recency: Floats, age: Floats) -> Floats:
    """Return the probability that each customer has not left by the end of the calibration: FHL 2008.

    It is 1 without a repeat purchase: the model lets nobody leave before the second one.
    """
    odds = log_odds_of_having_left(model, frequency, recency, age)
    return np.asarray(np.exp(-np.logaddexp(0.0, odds)))


def expected_purchases(model: BgNbd, frequency: Floats, recency: Floats, age: Floats, *, weeks: float) -> Floats:
    """Return the purchases to expect of each customer in the ``weeks`` after the calibration: FHL 2005, equation 10.

    Where the hypergeometric function gives no usable number, or a is next to its pole at 1, the same expectation is
    integrated numerically (:func:`integrate_purchases`).
    """
    r, alpha, a, b = model
    rate_shape, ends = r + frequency, alpha + age
    order = a + b + frequency - 1
    most = rate_shape * weeks / ends
    if a <= 2 * STAYING[0]:  # the logarithm and back again is not the same to the last digit
        return np.asarray(most)
    if b >= ALIKE / 2:
        leaving = a / (a + b)
        if_alive = -np.expm1(-rate_shape * np.log1p(leaving * weeks / ends)) / leaving
        return np.asarray(if_alive * probability_alive(model, frequency, recency, age))
    with np.errstate(all="ignore"):
        series = hyp2f1(rate_shape, b + frequency, order, weeks / (ends + weeks))
        if_alive = order / (a - 1) * (1 - (ends / (ends + weeks)) ** rate_shape * series)
    doubtful = ~(np.isfinite(if_alive) & (if_alive >= 0) & (if_alive <= most * (1 + 1e-9)))
    if abs(a - 1) < NEAR_ONE:
        doubtful[:] = True
    if doubtful.any():
        if_alive[doubtful] = integrate_purchases(model, frequency[doubtful], age[doubtful], weeks=weeks)
    return np.asarray(if_alive * probability_alive(model, frequency, recency, age))


def integrate_purchases(model: BgNbd, frequency: Floats, age: Floats, *, weeks: float) -> Floats:
    """Return the purchases to expect of customers who have not left, by Gauss–Jacobi quadrature.

    Of somebody with rate λ and probability p of leaving, (1 − exp(−λpt)) / p are expected (FHL 2005).
    Their λ is gamma (r + x, alpha + T) and their p beta (a, b + x); λ integrates in closed form, p is left.
    """
    r, alpha, a, b = model
    expected = np.empty(len(frequency))
    for repeats in np.unique(frequency):
        same = frequency == repeats
        nodes, weights = roots_jacobi(NODES, b + repeats - 1, a - 1)
        leaving = (nodes + 1) / 2
        growth = np.log1p(np.outer(weeks / (alpha + age[same]), leaving))
        expected[same] = -np.expm1(-(r + repeats) * growth) / leaving @ (weights / weights.sum())
    return expected
