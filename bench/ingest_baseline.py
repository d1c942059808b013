"""The barest reader of an API that serves pages by number: fetch, parse, count; nothing is kept.

python -m bench.ingest_baseline ADDRESS PER_PAGE PAGES CONCURRENCY PER_SECOND
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Iterator

import httpx
import orjson

KEY = {"x-api-key": "reqres-free-v1"}


class Pace:
    """Lets requests begin at least so far apart."""

    def __init__(self, per_second: float) -> None:
        self._distance, self._next, self._turn = 1 / per_second, 0.0, asyncio.Lock()

    async def wait(self) -> None:
        async with self._turn:
            await asyncio.sleep(self._next - time.monotonic())
            self._next = time.monotonic() + self._distance


async def read(address: str, per_page: int, pages: int, concurrency: int, per_second: float) -> dict[str, float]:
    """Return how many records came in how many seconds, and how often the server asked to wait."""
    numbers, pace = iter(range(1, pages + 1)), Pace(per_second)
    limits = httpx.Limits(max_connections=concurrency)
    async with httpx.AsyncClient(base_url=address, headers=KEY, limits=limits) as client:
        started = time.perf_counter()
        found = await asyncio.gather(*(_read_some(client, pace, numbers, per_page) for _ in range(concurrency)))
        seconds = time.perf_counter() - started
    records, throttled = (sum(counts) for counts in zip(*found, strict=True))
    return {"records": records, "throttled": throttled, "seconds": seconds}


async def _read_some(client: httpx.AsyncClient, pace: Pace, numbers: Iterator[int], per_page: int) -> tuple[int, int]:
    records = throttled = 0
    for number in numbers:
        while True:
            await pace.wait()
            answer = await client.get("/api/users", params={"page": number, "per_page": per_page})
            if answer.status_code != httpx.codes.TOO_MANY_REQUESTS:
                break
            throttled += 1
            await asyncio.sleep(1)
        answer.raise_for_status()
        records += len(orjson.loads(answer.content)["data"])
    return records, throttled


if __name__ == "__main__":
    address, *numbers = sys.argv[1:]
    per_page, pages, concurrency, per_second = map(int, numbers)
    print(json.dumps(asyncio.run(read(address, per_page, pages, concurrency, per_second))))
