"""Writes down how queries and requests go: kept in memory, written to the operational store about once a minute.

What a process has not written yet is lost when it is killed; of a minute with more queries than ``MOST_QUERIES`` the
newest are kept.
"""

from __future__ import annotations

import logging
import threading
import uuid
from collections import defaultdict, deque
from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np

from customer360.clock import Clock, utc_now
from customer360.errors import Customer360Error
from customer360.semantic import Asked
from customer360.store import ApiMetric, QueryRecord, Store, write_metrics

log = logging.getLogger("customer360.monitoring")

FLUSH_SECONDS = 60.0
MOST_QUERIES = 1_000
MOST_TIMES = 10_000

Route = tuple[str, str, int]


class Recorder:
    """Records for one process, which ``source`` names; ``open_store`` is called when there is something to write."""

    def __init__(
        self,
        open_store: Callable[[], Store],
        source: str,
        *,
        clock: Clock = utc_now,
        flush_seconds: float = FLUSH_SECONDS,
    ) -> None:
        self._open_store = open_store
        self._source = source
        self._clock = clock
        self._flush_seconds = flush_seconds
        self._guard = threading.Lock()
        self._stopped = threading.Event()
        self._writer: threading.Thread | None = None
        self._empty()

    def query(self, asked: Asked) -> None:
        """Note one semantic query."""
        with self._guard:
            self._queries.append((self._now(), asked))
            self._start()

    def request(self, route: str, method: str, status: int, milliseconds: float) -> None:
        """Note one answered request."""
        with self._guard:
            self._requests[route, method, status].append(milliseconds)
            self._counts[route, method, status] += 1
            self._start()

    def flush(self) -> None:
        """Write what was noted since the last time; what cannot be written is dropped, with a line in the log."""
        with self._guard:
            queries, requests, counts = self._queries, self._requests, self._counts
            self._empty()
        rows: list[QueryRecord | ApiMetric] = [self._query_row(*one) for one in queries]
        rows += [self._metric(*one, counts) for one in requests.items()]
        if not rows:
            return
        try:
            write_metrics(self._open_store(), rows)
        except Customer360Error as error:
            log.warning("%d rows of metrics could not be written: %s", len(rows), error)

    def close(self) -> None:
        """Write what is left and end."""
        self._stopped.set()
        if self._writer:
            self._writer.join()
        self.flush()

    def _empty(self) -> None:
        self._queries: deque[tuple[datetime, Asked]] = deque(maxlen=MOST_QUERIES)
        self._requests: dict[Route, deque[float]] = defaultdict(lambda: deque(maxlen=MOST_TIMES))
        self._counts: dict[Route, int] = defaultdict(int)

    def _start(self) -> None:
        if self._writer is None:
            self._writer = threading.Thread(target=self._write, name="recorder", daemon=True)
            self._writer.start()

    def _write(self) -> None:
        while not self._stopped.wait(self._flush_seconds):
            self.flush()

    def _query_row(self, asked_at: datetime, asked: Asked) -> QueryRecord:
        return QueryRecord(query_id=uuid.uuid4().hex, asked_at=asked_at, source=self._source, **vars(asked))

    def _metric(self, route: Route, times: deque[float], counts: dict[Route, int]) -> ApiMetric:
        path, method, status = route
        p95, p99 = np.percentile(times, [95, 99])
        return ApiMetric(
            measured_at=self._now(),
            route=path,
            method=method,
            status_code=status,
            requests=counts[route],
            mean_ms=float(np.mean(times)),
            p95_ms=float(p95),
            p99_ms=float(p99),
        )

    def _now(self) -> datetime:
        return self._clock().astimezone(UTC).replace(tzinfo=None)
