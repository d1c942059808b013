"""What is paged through: the users, which may move while they are read, and files of DummyJSON, which do not."""

from __future__ import annotations

import gzip
import json
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from customer360.demo_api.draws import Ints
from customer360.demo_api.users import YEAR_START, Record, Users
from customer360.errors import InvalidInput

DUMMYJSON = ("users", "products", "carts")


class Collection(Protocol):
    """Records in an order; ``since`` leaves those out that changed before."""

    def total(self, since: np.datetime64 | None) -> int: ...

    def slice(self, start: int, stop: int, since: np.datetime64 | None) -> list[Record]: ...


class MovingUsers:
    """The users by number; some may stand elsewhere for a while, be new in front, or be gone from there.

    A position leads to its user by arithmetic alone: new ones first, the latest in front, then the others turned by as
    many as moved from the front to the end.
    """

    def __init__(self, users: Users, count: int) -> None:
        self.users, self.count = users, count
        self.rotated = self.inserted = self.removed = 0
        self._matching = lru_cache(maxsize=4)(self._find_matching)

    def total(self, since: np.datetime64 | None) -> int:
        """Return how many users there are now."""
        return self.inserted + self._standing(since)

    def slice(self, start: int, stop: int, since: np.datetime64 | None) -> list[Record]:
        """Return the users at these positions now."""
        stop = min(stop, self.total(since))
        if start >= stop:
            return []
        behind = np.arange(start, stop, dtype=np.int64) - self.inserted
        index = self.removed + (behind + self.rotated) % max(1, self._standing(since))
        numbers = index + 1
        if since is not None:
            matching = self._matching(since, self.users.revision)
            numbers = matching[np.minimum(index, len(matching) - 1)] if len(matching) else numbers
        return self.users.records(np.where(behind < 0, self.count - behind, numbers))

    def get(self, number: int) -> Record | None:
        """Return one user, where there is one with this number."""
        if not self.removed < number <= self.count + self.inserted:
            return None
        return self.users.records(np.array([number]))[0]

    def _standing(self, since: np.datetime64 | None) -> int:
        count = self.count if since is None else len(self._matching(since, self.users.revision))
        return max(0, count - self.removed)

    def _find_matching(self, since: np.datetime64, _revision: int) -> Ints:
        numbers = np.arange(1, self.count + 1, dtype=np.int64)
        seconds = (since - YEAR_START).astype("timedelta64[s]").astype(np.int64)
        return np.asarray(numbers[self.users.updated(numbers) >= seconds])


class Listed:
    """Records that were read from a file."""

    def __init__(self, records: list[Record]) -> None:
        self._records = records

    def total(self, _since: np.datetime64 | None) -> int:
        """Return how many records there are."""
        return len(self._records)

    def slice(self, start: int, stop: int, _since: np.datetime64 | None) -> list[Record]:
        """Return the records at these positions."""
        return self._records[start:stop]


def read_dummyjson(folder: Path) -> dict[str, Listed]:
    """Return DummyJSON's users, products and carts from ``<name>.json.gz`` or ``<name>.json`` in a folder."""
    return {name: Listed(_read_list(folder, name)) for name in DUMMYJSON}


def _read_list(folder: Path, name: str) -> list[Record]:
    packed, plain = folder / f"{name}.json.gz", folder / f"{name}.json"
    try:
        content: Any = json.loads(gzip.decompress(packed.read_bytes()) if packed.is_file() else plain.read_bytes())
    except (OSError, ValueError, EOFError) as error:
        raise InvalidInput(
            f"{name} of DummyJSON cannot be read from {folder}: {error}",
            next_action="--dummyjson takes a folder with users, products and carts, each as .json or .json.gz.",
        ) from error
    return list(content)
