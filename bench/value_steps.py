"""Count, fit and predict in one process, and say how long each step took.

python -m bench.value_steps FILE.duckdb CUSTOMERS_TO_SIMULATE
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlglot import parse_one

from customer360.settings import ResourceSettings, load, memory_limit
from customer360.value import Purchases, fit_value, predict, simulate, summarise
from customer360.value.purchases import OF_A_BUILD
from customer360.value.simulation import DRAWS
from customer360.warehouse import DuckDBWarehouse

YEAR = 365.25 / 7
"""Weeks."""


def main(path: Path, simulated: int) -> dict[str, Any]:
    """Return seconds of each step and the most memory that this process ever held, engine and all."""
    seconds: dict[str, float] = {}
    memory = memory_limit(load(ResourceSettings).build_memory)
    warehouse = DuckDBWarehouse(path, threads=os.cpu_count() or 1, memory=memory)
    rows = parse_one(OF_A_BUILD, dialect="duckdb")
    purchases = Purchases(name=path.name, rows=rows, query=warehouse.query, dialect=warehouse.dialect)
    with timed(seconds, "count purchases by customer"):
        statistics = summarise(purchases)
    with timed(seconds, "fit both models"):
        model = fit_value(statistics)
    with timed(seconds, "predict a year"):
        predict(model, statistics, weeks=YEAR)
    places = range(min(simulated, len(statistics)))
    with timed(seconds, "intervals"):
        simulate(model, statistics, weeks=YEAR, places=places)
    return {
        "customers": len(statistics),
        "repeating": statistics.repeating,
        "found": {one.name: {"estimate": one.estimate, "interval": one.interval} for one in model.parameters},
        "simulated": len(places),
        "draws": DRAWS,
        "seconds": seconds,
        "peak_mb": peak_mb(),
    }


@contextmanager
def timed(seconds: dict[str, float], step: str) -> Iterator[None]:
    """Keep how long a step took."""
    started = time.perf_counter()
    yield
    seconds[step] = time.perf_counter() - started


def peak_mb() -> float:
    """Return the kernel's high-water mark; that of getrusage begins with what the parent process had taken."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    [kilobytes] = re.findall(r"VmHWM:\s+(\d+) kB", status)
    return int(kilobytes) / 1024


if __name__ == "__main__":
    file, count = sys.argv[1:]
    print(json.dumps(main(Path(file), int(count))))
