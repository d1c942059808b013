"""``python -m bench [NAME …] [--json FILE] [--write-docs] [--render FILE …]`` and the sizes of single benchmarks.

The page keeps what it shows in ``docs/benchmarks.json``: what is measured anew takes the place of its section alone.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench import ask, bank, churn, ingest, latency, online_retail, snowflake, value
from bench.measure import MeasurementFailed, machine
from bench.report import merge, render

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "benchmarks.md"
KEPT = PAGE.with_suffix(".json")
NAMES = ("online_retail", "latency", "bank", "churn", "ingest", "value", "ask", "snowflake")


def main() -> int:
    """Measure what was named, all of it by default; a missed target is shown, never an error."""
    options = _options()
    if options.render:
        runs = [run for path in options.render for run in read_runs(path)]
    else:
        try:
            runs = [_measure(options)]
        except MeasurementFailed as failure:
            sys.stderr.write(f"{failure}\n")
            return 1
    print(render(merge(runs)))
    if options.json:
        _write(options.json, merge(runs))
    if options.write_docs:
        together = merge([*(read_runs(KEPT) if KEPT.exists() else []), *runs])
        _write(KEPT, together)
        PAGE.write_text(render(together), encoding="utf-8")
    return 0


def read_runs(path: Path) -> list[dict[str, Any]]:
    """Return the runs of a file, which holds one or a list of them."""
    content = json.loads(path.read_text(encoding="utf-8"))
    return content if isinstance(content, list) else [content]


def _write(path: Path, runs: list[dict[str, Any]]) -> None:
    content = runs[0] if len(runs) == 1 else runs
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which: {', '.join(NAMES)}; default: all")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--write-docs", action="store_true", help=f"bring {PAGE.relative_to(ROOT)} up to date")
    parser.add_argument(
        "--render", type=Path, nargs="+", metavar="FILE", help="show the figures of these files instead of measuring"
    )
    parser.add_argument("--rounds", type=int, default=online_retail.ROUNDS, help="rounds of online_retail")
    parser.add_argument("--seconds", type=float, default=latency.SECONDS, help="length of each latency run")
    parser.add_argument("--scales", default="demo", help="of the bank: demo,standard,full (the last takes long)")
    parser.add_argument("--records", type=int, default=ingest.RECORDS, help="of ingest; fewer for a quick look")
    parser.add_argument("--customers", type=int, default=value.CUSTOMERS, help="of value; fewer for a quick look")
    parser.add_argument(
        "--databases", default="", help="of ask: scale=FILE,… of builds that there are, instead of making them"
    )
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
            "ask": lambda: _ask(folder, options.scales.split(","), options.databases),
            "snowflake": lambda: snowflake.run(folder),
        }
        for bench in options.names or NAMES:
            sys.stderr.write(f"measuring {bench} …\n")
            results[bench] = benches[bench]()
    return results


def _ask(folder: Path, scales: list[str], databases: str) -> dict[str, Any]:
    made = {scale: Path(file) for scale, _, file in (one.partition("=") for one in databases.split(",")) if file}
    measured = [ask.run(folder, scale, made.get(scale)) for scale in scales]
    return {"scales": measured, "targets": [target for result in measured for target in result["targets"]]}


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
