"""``python -m bench [NAME …] [--json FILE] [--write-docs] [--render FILE]`` and the sizes of single benchmarks."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench import bank, churn, ingest, latency, online_retail, snowflake, value
from bench.measure import MeasurementFailed, machine
from bench.report import render

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "benchmarks.md"
NAMES = ("online_retail", "latency", "bank", "churn", "ingest", "value", "snowflake")


def main() -> int:
    """Measure what was named, all of it by default; a missed target is shown, never an error."""
    options = _options()
    if options.render:
        results = json.loads(options.render.read_text(encoding="utf-8"))
    else:
        try:
            results = _measure(options)
        except MeasurementFailed as failure:
            sys.stderr.write(f"{failure}\n")
            return 1
    page = render(results)
    print(page)
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    if options.write_docs:
        PAGE.write_text(page, encoding="utf-8")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which: {', '.join(NAMES)}; default: all")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--write-docs", action="store_true", help=f"write {PAGE.relative_to(ROOT)}")
    parser.add_argument("--render", type=Path, help="show the figures of this file instead of measuring")
    parser.add_argument("--rounds", type=int, default=online_retail.ROUNDS, help="rounds of online_retail")
    parser.add_argument("--seconds", type=float, default=latency.SECONDS, help="length of each latency run")
    parser.add_argument("--scales", default="demo", help="of the bank: demo,standard,full (the last takes long)")
    parser.add_argument("--records", type=int, default=ingest.RECORDS, help="of ingest; fewer for a quick look")
    parser.add_argument("--customers", type=int, default=value.CUSTOMERS, help="of value; fewer for a quick look")
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in NAMES]
    if unknown:
        parser.error(f"there is no benchmark {unknown[0]!r}; there are {', '.join(NAMES)}")
    return options


def _measure(options: argparse.Namespace) -> dict[str, Any]:
    results: dict[str, Any] = {"machine": machine()}
    with tempfile.TemporaryDirectory(prefix="customer360-bench-") as name:
        folder = Path(name)
        benches: dict[str, Callable[[], dict[str, Any]]] = {
            "online_retail": lambda: online_retail.run(folder, _archive(), options.rounds),
            "latency": lambda: latency.run(folder, _archive(), options.seconds),
            "bank": lambda: _bank(folder, options.scales.split(",")),
            "churn": lambda: _churn(folder, options.scales.split(",")),
            "ingest": lambda: ingest.run(folder, options.records),
            "value": lambda: value.run(folder, options.customers),
            "snowflake": lambda: snowflake.run(folder),
        }
        for bench in options.names or NAMES:
            sys.stderr.write(f"measuring {bench} …\n")
            results[bench] = benches[bench]()
    return results


def _churn(folder: Path, scales: list[str]) -> dict[str, Any]:
    measured = [churn.run(folder, scale) for scale in scales]
    return {"scales": measured, "targets": [target for result in measured for target in result["targets"]]}


def _bank(folder: Path, scales: list[str]) -> dict[str, Any]:
    measured = []
    for scale in scales:
        sys.stderr.write(f"  {scale} …\n")
        measured.append(bank.run(folder, scale))
    return {
        "scales": measured,
        "exponent": bank.fit_exponent(measured),
        "targets": [target for scale in measured for target in scale["targets"]],
    }


def _archive() -> Path:
    folder = Path(os.environ.get("CUSTOMER360_DATA", ROOT.parent / "shared" / "data"))
    archive = folder / "online_retail" / "by-day.tar.gz"
    if not archive.is_file():
        raise MeasurementFailed(f"The real data is not at {archive}; set CUSTOMER360_DATA.")
    return archive


if __name__ == "__main__":
    sys.exit(main())
