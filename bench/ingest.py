"""Records of an API from the first request to the exported files, against a loop that only reads and parses the pages.

Server and reader are processes of their own and share the machine. Throttled, the server lets 50 requests of 100
records through in any second; unthrottled, all of them, of 1000 records each. Both readers keep the same pace with the
same number of requests at a time.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from math import ceil
from pathlib import Path
from typing import Any

import yaml

from bench.latency import HOST, free_port, wait_until_listening
from bench.measure import Measured, MeasurementFailed, Target, measure, per_second
from bench.online_retail import CLI
from customer360.ingest.api_sources import find_api_source

RECORDS = 1_000_000
SOURCE = "reqres"
CONCURRENCY = 4
PAGES_PER_SECOND, PER_PAGE = 50, 100
ALL_AT_ONCE, LARGE_PAGE = 10_000, 1000
LEAST_OF_BARE, LEAST_PER_SECOND, MOST_MEMORY_MB = 0.8, 20_000, 500.0


def run(folder: Path, records: int = RECORDS) -> dict[str, Any]:
    """Measure both cases.

    Raises:
        MeasurementFailed: the server did not start, a reader failed, or a record is missing.
    """
    cases = {
        "throttled": _case(folder, "throttled", records, rate=PAGES_PER_SECOND, per_page=PER_PAGE),
        "unthrottled": _case(folder, "unthrottled", records, rate=ALL_AT_ONCE, per_page=LARGE_PAGE),
    }
    found = targets(cases["throttled"], cases["unthrottled"])
    return {"records": records, "cases": cases, "targets": [target.as_dict() for target in found]}


def _case(folder: Path, name: str, records: int, *, rate: int, per_page: int) -> dict[str, Any]:
    source, home = folder / f"ingest-{name}-source", folder / f"ingest-{name}-home"
    _write_source(source, rate=rate, per_page=per_page)
    limit = rate if rate < ALL_AT_ONCE else 0
    with _serving(records, limit, folder / f"ingest-{name}.log") as address:
        pages = ceil(records / per_page)
        asked = [address, *map(str, (per_page, pages, CONCURRENCY, rate))]
        bare = measure([sys.executable, "-m", "bench.ingest_baseline", *asked])
        ours = measure([*CLI, "--home", str(home), "ingest", str(source), "--base-url", address, "--json"])
    loop, report = json.loads(bare.output), json.loads(ours.output)
    _check(loop["records"], report, records)
    throttled = {"the bare loop": loop["throttled"], "customer360 ingest": report["api"]["throttled"]}
    return {
        "readers": {
            reader: _figures(measured, records, throttled[reader])
            for reader, measured in {"the bare loop": bare, "customer360 ingest": ours}.items()
        },
        "per_page": per_page,
        "rate": rate,
        "stages": report["seconds"],
    }


def _write_source(folder: Path, *, rate: int, per_page: int) -> None:
    """Write the shipped source with another pace and page size."""
    shipped = find_api_source(SOURCE)
    folder.mkdir(parents=True)
    definition = yaml.safe_load((shipped.folder / "source.yml").read_text(encoding="utf-8"))
    definition |= {"requests_per_second": rate, "concurrency": CONCURRENCY}
    definition["endpoints"][0]["params"] = {"per_page": per_page}
    (folder / "source.yml").write_text(yaml.safe_dump(definition, sort_keys=False), encoding="utf-8")
    for mapping in shipped.folder.glob("*.sql"):
        (folder / mapping.name).write_text(mapping.read_text(encoding="utf-8"), encoding="utf-8")


@contextmanager
def _serving(users: int, limit: int, log: Path) -> Iterator[str]:
    """Run the demo API without trouble, on a free port."""
    port = free_port()
    command = [*CLI, "demo-api", "--quiet", "--port", str(port), "--users", str(users), "--rate-limit", str(limit)]
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        try:
            wait_until_listening(process, port, log)
            yield f"http://{HOST}:{port}"
        finally:
            process.terminate()


def _check(read: int, report: dict[str, Any], records: int) -> None:
    exported = json.loads(Path(report["files"][0]).read_bytes())["metadata"]["total_customers"]
    if not read == report["records"]["landed"] == exported == records:
        raise MeasurementFailed(f"{records:,} records, of which {read:,} were read and {exported:,} exported.")


def _figures(measured: Measured, records: int, throttled: int) -> dict[str, float]:
    return {
        "seconds": measured.seconds,
        "cpu_seconds": measured.cpu_seconds,
        "peak_mb": measured.peak_mb,
        "records_per_second": per_second(records, measured.seconds),
        "throttled": throttled,
    }


def targets(throttled: dict[str, Any], unthrottled: dict[str, Any]) -> list[Target]:
    """Return what has to hold for the two cases."""
    slow, fast = (case["readers"]["customer360 ingest"] for case in (throttled, unthrottled))
    of_bare = slow["seconds"] / throttled["readers"]["the bare loop"]["seconds"]
    microseconds = 1e6 * per_second(1, fast["records_per_second"])
    return [
        Target("ingest, throttled: time against the bare loop", of_bare, 1 / LEAST_OF_BARE, "×"),
        Target("ingest, unthrottled: time of a record", microseconds, 1e6 / LEAST_PER_SECOND, "µs"),
        *(
            Target(f"ingest, {name}: peak memory", reader["peak_mb"], MOST_MEMORY_MB, "MB")
            for name, reader in (("throttled", slow), ("unthrottled", fast))
        ),
    ]
