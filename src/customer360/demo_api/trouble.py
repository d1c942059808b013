"""Decides what goes wrong: by seed, address and how often it was asked for, so threads and order change nothing.

An address never fails more than ``failures_in_a_row`` times in succession; a client that tries once more gets through.
Only what is meant to last (``permanent``) and the rate limit are outside this promise.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter, deque
from email.utils import formatdate
from itertools import accumulate

from customer360.demo_api.draws import share_of
from customer360.demo_api.lists import MovingUsers
from customer360.demo_api.settings import FAILURES, DemoSettings

PERMANENT_STATUSES = (403, 404, 410, 422)


class Troubles:
    """What each next request for an address meets."""

    def __init__(self, settings: DemoSettings) -> None:
        self._settings = settings
        self._edges = list(accumulate(settings.trouble.shares))
        self._asked: Counter[str] = Counter()
        self._failed: Counter[str] = Counter()
        self._served = self._moves = 0

    def next_failure(self, address: str) -> str:
        """Return which of ``FAILURES`` the request meets; empty for none."""
        self._asked[address] += 1
        failure = self._draw_failure(address) if self._failed[address] < self._settings.failures_in_a_row else ""
        if failure:
            self._failed[address] += 1
        else:
            del self._failed[address]
        return failure

    def permanent_status(self, address: str) -> int:
        """Return the status with which the address answers for good; 0 for none."""
        if self._share("permanent", address) >= self._settings.trouble.permanent:
            return 0
        return PERMANENT_STATUSES[int(self._share("status", address) * len(PERMANENT_STATUSES))]

    def error_status(self, address: str) -> int:
        """Return 500 or 503."""
        return 500 if self._share("error", address, self._asked[address]) < 0.5 else 503

    def delay(self, address: str) -> float:
        """Return the seconds by which the answer is late."""
        drawn = self._share("delay", address, self._asked[address])
        share = self._settings.trouble.delay
        return drawn / share * self._settings.delay_seconds if drawn < share else 0

    def retry_after(self, address: str, now: float) -> str:
        """Return what Retry-After says, as seconds or as a date."""
        form, seconds = self._settings.retry_after_form, self._settings.retry_after
        if form == "either":
            form = "date" if self._share("form", address, self._asked[address]) < 0.5 else "seconds"
        return str(seconds) if form == "seconds" else formatdate(math.ceil(now + seconds), usegmt=True)

    def move(self, users: MovingUsers) -> None:
        """Shift the users after a page of them was sent; a few times only, so that reading again comes to an end."""
        self._served += 1
        for name in ("moving", "inserted", "removed"):
            share = getattr(self._settings.trouble, name)
            if self._moves < self._settings.moves_at_most and self._share(name, self._served) < share:
                self._moves += 1
                _MOVES[name](users)

    def _draw_failure(self, address: str) -> str:
        at = bisect_right(self._edges, self._share("failure", address, self._asked[address]))
        return FAILURES[at] if at < len(FAILURES) else ""

    def _share(self, *parts: object) -> float:
        return share_of(self._settings.seed, *parts)


def _rotate(users: MovingUsers) -> None:
    users.rotated = 1 - users.rotated


def _insert(users: MovingUsers) -> None:
    users.inserted += 1


def _remove(users: MovingUsers) -> None:
    users.removed = min(users.count, users.removed + 1)


_MOVES = {"moving": _rotate, "inserted": _insert, "removed": _remove}


class RateLimit:
    """Lets at most ``limit`` requests through in any second; 0 lets all through."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._admitted: deque[float] = deque(maxlen=limit)

    def admits(self, now: float) -> bool:
        """Count a request in, or tell that it is one too many."""
        if self._limit and len(self._admitted) == self._limit and now - self._admitted[0] < 1:
            return False
        self._admitted.append(now)
        return True
