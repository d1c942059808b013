"""Counter-based draws: each is a hash of a key and a number, so none depends on another or on their order."""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint64]
Ints = npt.NDArray[np.int64]


def key_of(*parts: object) -> int:
    """Return 64 bits that stand for the parts."""
    text = "\x1f".join(map(str, parts))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def words_of(key: int, numbers: Ints) -> Words:
    """Return a word for each number: splitmix64 at counter ``number``."""
    words = (numbers.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(key)
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(words ^ (words >> np.uint64(31)))


def share_of(*parts: object) -> float:
    """Return a number of [0, 1) that stands for the parts."""
    return key_of(*parts) / 2**64


def shares_of(key: int, numbers: Ints) -> npt.NDArray[np.float64]:
    """Return a number of [0, 1) for each number."""
    return np.asarray(words_of(key, numbers) / 2.0**64)
