"""Reads all pages of an endpoint, several at a time where they have numbers, and loses nothing while they move.

A page that comes again in place of the next, or empty though more are to come, is asked for again. Where fewer records
came than there are, or their number went down while they were read, some moved to pages that were read already: then
everything is read again, until all have come or two readings agree. Records that come twice do no harm.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from customer360.ingest.api_client import Answer, ApiClient, Page, Position
from customer360.ingest.api_json import write_record
from customer360.ingest.api_log import LOGGER
from customer360.ingest.api_sources import Endpoint, Offsets, PageNumbers

MOST_PASSES = 8
"""How often everything is read where records keep moving."""
RECORDS_AHEAD = 10_000
"""How many records may wait behind a page that is late, so that one page that is tried again holds up no other."""


def read_pages(client: ApiClient, endpoint: Endpoint, position: Position) -> Iterator[Page]:
    """Yield every page from a position on, in order; ``following`` of each is where a later run may go on.

    Raises:
        Unavailable: no usable answer came, however often it was tried.
        AccessRefused: the server refuses the credentials.
        SourceRefused: the server refuses the request, and would again.
    """
    if isinstance(endpoint.paging, PageNumbers | Offsets):
        yield from _Numbered(client, endpoint, endpoint.paging).read(position)
    else:
        yield from client.follow(endpoint, position)


@dataclass
class _Pass:
    """What one reading of all pages has seen so far."""

    pages: int | None = None
    counts: list[int] = field(default_factory=list)
    before: list[Any] = field(default_factory=list)
    empty: int = 0
    order: int = 0
    """Hash of all records in their order."""

    def note(self, answer: Answer) -> None:
        self.pages = answer.pages if answer.pages is not None else self.pages
        self.counts += [answer.count] if answer.count is not None else []
        self.empty = 0 if answer.records else self.empty + 1
        self.before = answer.records or self.before


class _Numbered:
    """Pages that are asked by number or offset."""

    def __init__(self, client: ApiClient, endpoint: Endpoint, paging: PageNumbers | Offsets) -> None:
        self._client, self._endpoint, self._param = client, endpoint, paging.param
        self._step = paging.size if isinstance(paging, Offsets) else 1
        self._first = 0 if isinstance(paging, Offsets) else paging.first
        self._hashes = array("q")  # of all records: eight bytes each, where a set takes eighty

    def read(self, position: Position) -> Iterator[Page]:
        with ThreadPoolExecutor(self._client.source.concurrency) as pool:
            order = None
            for _ in range(MOST_PASSES):
                whole, seen = position.params[self._param] == self._first, _Pass()
                yield from self._read_once(pool, position, seen)
                if not self._moved(seen, whole=whole) or seen.order == order:
                    return
                order = seen.order
                LOGGER.info(
                    "again: %s moved while it was read, %d of %d records", self._endpoint.name, *self._found(seen)
                )
                position = self._at(position, self._first)

    def _moved(self, seen: _Pass, *, whole: bool) -> bool:
        """Tell whether records may have slipped past; a pass that began in the middle cannot have seen all."""
        if not seen.counts:
            return False
        return min(seen.counts) < seen.counts[0] or (whole and self._distinct() < seen.counts[-1])

    def _found(self, seen: _Pass) -> tuple[int, int]:
        return self._distinct(), seen.counts[-1]

    def _distinct(self) -> int:
        ordered = np.sort(np.frombuffer(self._hashes, dtype=np.int64))  # np.unique builds a table, of 50 MB a million
        return len(ordered) and 1 + int(np.count_nonzero(ordered[1:] != ordered[:-1]))

    def _read_once(self, pool: ThreadPoolExecutor, position: Position, seen: _Pass) -> Iterator[Page]:
        """Yield the pages in order, while those behind them are on their way."""
        waiting: deque[tuple[Position, Future[Answer]]] = deque()
        try:
            while True:
                while len(waiting) < self._ahead(seen) and not self._is_behind(position, seen):
                    waiting.append((position, pool.submit(self._client.read_page, self._endpoint, position)))
                    position = self._at(position, position.params[self._param] + self._step)
                if not waiting:
                    return
                here, coming = waiting.popleft()
                answer = self._settled(here, coming.result(), seen)
                seen.note(answer)
                if not answer.records and (seen.empty > 1 or not self._knows_end(seen)):
                    return
                hashes = [hash(write_record(record)) for record in answer.records]
                self._hashes.extend(hashes)
                seen.order = hash((seen.order, *hashes))
                yield Page(answer.records, self._at(here, here.params[self._param] + self._step))
        finally:
            for _, coming in waiting:
                coming.cancel()

    def _ahead(self, seen: _Pass) -> int:
        """Return how many pages may be on their way: one until the first has said how many there are."""
        if not seen.before:
            return 1
        concurrency = self._client.source.concurrency
        return max(concurrency, RECORDS_AHEAD // len(seen.before)) if self._knows_end(seen) else concurrency

    def _knows_end(self, seen: _Pass) -> bool:
        return seen.pages is not None or bool(seen.counts)

    def _is_behind(self, position: Position, seen: _Pass) -> bool:
        number = int(position.params[self._param])
        if seen.pages is not None:
            return number - self._first >= seen.pages
        return self._step > 1 and bool(seen.counts) and number >= seen.counts[-1]

    def _settled(self, position: Position, answer: Answer, seen: _Pass) -> Answer:
        """Ask again for a page that repeats the one before, or is empty though there should be more."""
        for _ in range(self._client.source.max_retries):
            expected = not seen.pages or int(position.params[self._param]) - self._first < seen.pages
            stale = answer.records == seen.before and answer.records
            if not (stale or (not answer.records and self._knows_end(seen) and expected)):
                break
            LOGGER.info(
                "again: page %s of %s is %s",
                position.params[self._param],
                self._endpoint.name,
                "the one before" if stale else "empty",
            )
            answer = self._client.read_page(self._endpoint, position)
        return answer

    def _at(self, position: Position, number: int) -> Position:
        return replace(position, params=position.params | {self._param: number})
