"""The emulator of Snowflake (fakesnow) as a process of its own, so that a test can kill it and start it again.

``python -m tests.servers.snowflake_emulator PORT`` serves until its standard input ends. What the emulator gets wrong
and Snowflake gets right is mended here, each fault by name; test_snowflake_emulator.py says when a mend can go.
"""

from __future__ import annotations

import importlib
import socket
import subprocess
import sys
import threading
import time
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

ROOT = Path(__file__).parents[2]
START_SECONDS = 60


class Emulator:
    """One emulator on one port of this machine; it keeps nothing when it is killed."""

    def __init__(self) -> None:
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.servers.snowflake_emulator", str(self.port)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for _ in range(START_SECONDS * 20):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            if self._process.poll() is not None:
                break
            time.sleep(0.05)
        raise RuntimeError("the emulator did not start")

    def kill(self) -> None:
        """End it at once, as a crash does."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def timestamps_with_nulls(to_struct: Any, column: Any) -> Any:
    """Return timestamps as Snowflake sends them: a null is a null, not a struct of nulls (which reads 1970)."""
    made = to_struct(column)
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    return pa.StructArray.from_arrays(made.flatten(), fields=list(made.type), mask=pc.is_null(whole))


def number_from_binding(from_binding: Any, binding: dict[str, Any]) -> Any:
    """Return a bound value as Snowflake reads it: numbers may have fractions, and a null is a null."""
    kind, value = binding["type"], binding["value"]
    if value is None:
        return None
    if kind == "FIXED" and "." in value:
        return Decimal(value)
    return float(value) if kind == "REAL" else from_binding(binding)


def main() -> None:
    """Serve until standard input ends, which it does when the tests end, however they end."""
    uvicorn: Any = importlib.import_module("uvicorn")
    arrow: Any = importlib.import_module("fakesnow.arrow")
    emulator: Any = importlib.import_module("fakesnow.server")
    arrow.timestamp_to_sf_struct = partial(timestamps_with_nulls, arrow.timestamp_to_sf_struct)
    emulator.from_binding = partial(number_from_binding, emulator.from_binding)
    server = uvicorn.Server(uvicorn.Config(emulator.app, port=int(sys.argv[1]), log_level="warning"))
    threading.Thread(target=server.run, daemon=True).start()
    sys.stdin.read()


if __name__ == "__main__":
    main()
