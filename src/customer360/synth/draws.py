"""Counter-based random draws: each is a hash of (seed, stream, number), so no draw depends on another.

A customer's draws are therefore the same at any scale, in any order and on any number of threads.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint64]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)
_S27, _S30, _S31 = np.uint64(27), np.uint64(30), np.uint64(31)
_GOLDEN_RATIO = 0.6180339887498949


def mix64(words: Words) -> Words:
    """Return the splitmix64 finaliser of each word; the input is left alone."""
    mixed = words ^ (words >> _S30)
    mixed *= _FIRST
    mixed ^= mixed >> _S27
    mixed *= _SECOND
    mixed ^= mixed >> _S31
    return mixed


def stream_key(seed: int, stream: str) -> np.uint64:
    """Return the key of a named stream of draws."""
    digest = hashlib.sha256(f"{seed}/{stream}".encode()).digest()
    return np.uint64(int.from_bytes(digest[:8], "little"))


def hash_numbers(seed: int, stream: str, numbers: Ints) -> Words:
    """Return one 64-bit word per number of a stream."""
    return mix64(numbers.astype(np.uint64) * GOLDEN + stream_key(seed, stream))


def as_uniform(words: Words) -> Floats:
    """Return the words as floats inside (0, 1), never 0 and never 1."""
    return ((words >> np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52


class CustomerDraws:
    """Draws for customer numbers; each method takes the name of the stream it consumes."""

    def __init__(self, seed: int, numbers: Ints) -> None:
        self.seed = seed
        self.numbers = numbers

    def words(self, stream: str) -> Words:
        return hash_numbers(self.seed, stream, self.numbers)

    def uniform(self, stream: str) -> Floats:
        return as_uniform(self.words(stream))

    def between(self, stream: str, low: Floats | float, high: Floats | float) -> Floats:
        return low + (high - low) * self.uniform(stream)

    def integers(self, stream: str, low: Ints | int, high: Ints | int) -> Ints:
        """Return whole numbers from ``low`` to ``high``, both included."""
        return low + np.floor((np.asarray(high) - low + 1) * self.uniform(stream)).astype(np.int64)

    def chance(self, stream: str, probability: Floats | float) -> Bools:
        return np.asarray(self.uniform(stream) < probability)

    def normal(self, stream: str) -> Floats:
        radius = np.sqrt(-2.0 * np.log(self.uniform(f"{stream}/radius")))
        return np.asarray(radius * np.cos(2.0 * np.pi * self.uniform(f"{stream}/angle")))

    def pick(self, stream: str, weights: Sequence[float]) -> Ints:
        """Return the index of one of the weights per customer, in proportion to them."""
        return np.searchsorted(shares_to_edges(weights), self.uniform(stream), side="right").astype(np.int64)

    def pick_evenly(self, stream: str, weights: Sequence[float]) -> Ints:
        """Return indices like ``pick``, spread by a golden-ratio sequence so that shares hold in small banks too."""
        offset = float(as_uniform(np.array([stream_key(self.seed, stream)]))[0])
        spread = np.mod(self.numbers.astype(np.float64) * _GOLDEN_RATIO + offset, 1.0)
        return np.searchsorted(shares_to_edges(weights), spread, side="right").astype(np.int64)


def shares_to_edges(weights: Sequence[float]) -> Floats:
    """Return the inner edges of the intervals that split (0, 1) in proportion to the weights."""
    shares = np.cumsum(np.asarray(weights, dtype=np.float64))
    return np.asarray(shares[:-1] / shares[-1])


def quantile_table(weights: Sequence[float], size: int) -> Ints:
    """Return ``size`` indices that hold each weight in proportion, for draws by look-up."""
    midpoints = (np.arange(size) + 0.5) / size
    return np.searchsorted(shares_to_edges(weights), midpoints, side="right").astype(np.int64)


def normal_quantiles(size: int) -> Floats:
    """Return the standard normal quantiles at the midpoints of ``size`` equal intervals."""
    inverse = NormalDist().inv_cdf
    return np.array([inverse((index + 0.5) / size) for index in range(size)])
