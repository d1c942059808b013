"""What the server saw and did, for comparison with what a client says about itself."""

from __future__ import annotations

import re
import time
from collections import Counter, defaultdict, deque
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_ID = re.compile(r"/\d+$")


class Stats:
    """Counts since the start or the last reset; ``/stats`` itself is not counted."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Count from zero again."""
        self.requests = self.connections = self.records_sent = self.most_in_a_second = self.most_at_once = 0
        self.by_path: dict[str, Counter[str]] = defaultdict(Counter)
        self.failures: Counter[str] = Counter()
        self._arrivals: deque[float] = deque()

    def arrived(self, now: float) -> None:
        """Count a request; the peak is that of any second, not only of those that begin with a full one."""
        self.requests += 1
        self._arrivals.append(now)
        while now - self._arrivals[0] >= 1:
            self._arrivals.popleft()
        self.most_in_a_second = max(self.most_in_a_second, len(self._arrivals))

    def under_way(self, requests: int) -> None:
        """Note how many requests are under way."""
        self.most_at_once = max(self.most_at_once, requests)

    def answered(self, path: str, status: int) -> None:
        """Count an answer; all users by id are one path."""
        self.by_path[_ID.sub("/{id}", path)][str(status)] += 1

    def as_dict(self) -> dict[str, Any]:
        """Return the counts; ``failures`` are what was done on purpose, by kind."""
        by_status: Counter[str] = sum(self.by_path.values(), Counter())
        return {
            "requests": self.requests,
            "by_path": {path: dict(counts) for path, counts in sorted(self.by_path.items())},
            "by_status": dict(sorted(by_status.items())),
            "throttled": by_status["429"],
            "resets": self.failures["reset"],
            "truncated": self.failures["truncated"],
            "failures": dict(sorted(self.failures.items())),
            "connections": self.connections,
            "most_requests_in_a_second": self.most_in_a_second,
            "most_requests_at_once": self.most_at_once,
            "records_sent": self.records_sent,
        }


class CountRequests:
    """Counts every request and the status of its answer, also those that no route knows."""

    def __init__(self, app: ASGIApp, stats: Stats) -> None:
        self._app, self._stats = app, stats
        self._under_way = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] == "/stats":
            await self._app(scope, receive, send)
            return
        self._stats.arrived(time.monotonic())

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._stats.answered(scope["path"], message["status"])
            await send(message)

        self._under_way += 1
        self._stats.under_way(self._under_way)
        try:
            await self._app(scope, receive, counted)
        finally:
            self._under_way -= 1
