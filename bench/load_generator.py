"""Asks an HTTP service at a fixed rate, whatever it answers: an open loop, in a process of its own.

Latency counts from the moment a request was due, not from when it was sent, so a service that stalls is charged for
every request that had to wait. Orders come as one JSON object on standard input, latencies leave as one on standard
output, in milliseconds.
"""

from __future__ import annotations

import asyncio
import json
import selectors
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field

MOST_IDLE_SECONDS = 3.0


@dataclass(frozen=True)
class Stream:
    """Requests for ``paths``, one after another, ``rate`` a second."""

    name: str
    rate: float
    paths: Sequence[str]


@dataclass
class Outcome:
    """What came back for one stream: latencies from when a request was due, and how late it left."""

    latencies: list[float] = field(default_factory=list)
    lateness: list[float] = field(default_factory=list)
    errors: dict[str, int] = field(default_factory=dict)


class Client:
    """Keep-alive connections to one service; opens another when all are busy."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter, float]] = []

    async def get(self, path: str) -> int:
        """Return the status of an answer that was read to its end."""
        reader, writer = await self._connection()
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {self._host}\r\n\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        await reader.readexactly(int(head.split(b"content-length:")[1].split(b"\r\n")[0]))
        self._free.append((reader, writer, asyncio.get_running_loop().time()))
        return int(head.split(b" ", 2)[1])

    async def _connection(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Return a connection that the service has not left idle so long that it is about to close it."""
        now = asyncio.get_running_loop().time()
        while self._free:
            reader, writer, used = self._free.pop()
            if now - used < MOST_IDLE_SECONDS and not reader.at_eof():
                return reader, writer
            writer.close()
        return await asyncio.open_connection(self._host, self._port)


def due_times(rate: float, seconds: float) -> list[float]:
    """Return when each request is due, in seconds after the start."""
    return [number / rate for number in range(int(rate * seconds))]


async def _ask(client: Client, path: str, due: float, outcome: Outcome) -> None:
    clock = asyncio.get_running_loop().time
    outcome.lateness.append(1000 * (clock() - due))
    try:
        status = await client.get(path)
        problem = None if status == 200 else str(status)
    except (OSError, asyncio.IncompleteReadError) as error:
        problem = type(error).__name__
    outcome.latencies.append(1000 * (clock() - due))
    if problem:
        outcome.errors[problem] = outcome.errors.get(problem, 0) + 1


async def _send(client: Client, stream: Stream, seconds: float) -> Outcome:
    clock = asyncio.get_running_loop().time
    outcome, start = Outcome(), clock() + 0.1
    async with asyncio.TaskGroup() as tasks:
        for number, after in enumerate(due_times(stream.rate, seconds)):
            due = start + after
            await asyncio.sleep(max(0.0, due - clock()))
            tasks.create_task(_ask(client, stream.paths[number % len(stream.paths)], due, outcome))
    return outcome


async def run(host: str, port: int, streams: Sequence[Stream], seconds: float) -> dict[str, Outcome]:
    """Send all streams at the same time and return what came back for each."""
    client = Client(host, port)
    outcomes = await asyncio.gather(*(_send(client, stream, seconds) for stream in streams))
    return {stream.name: outcome for stream, outcome in zip(streams, outcomes, strict=True)}


def main() -> None:
    """Carry out the order on standard input."""
    order = json.load(sys.stdin)
    streams = [Stream(**stream) for stream in order["streams"]]
    with asyncio.Runner(loop_factory=_precise_loop) as runner:
        outcomes = runner.run(run(order["host"], order["port"], streams, order["seconds"]))
    json.dump({name: vars(outcome) for name, outcome in outcomes.items()}, sys.stdout)


def _precise_loop() -> asyncio.AbstractEventLoop:
    """Return a loop on ``select``, whose timeouts are not rounded up to milliseconds as those of ``epoll`` are."""
    return asyncio.SelectorEventLoop(selectors.SelectSelector())


if __name__ == "__main__":
    main()
