"""Questions in English: how long reading one takes, and how long from the question to its rows.

Each scale is a process of its own over the database of a published build. The rows are also fetched by the same SQL on
a bare connection, so that the ratio says what questions cost beside what the engine needs.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import duckdb

from bench.measure import Target, measure, percentile
from bench.online_retail import CLI, warehouse
from customer360.ask import Conversation, Source, open_source
from customer360.semantic import Figures
from customer360.semantic.definition import read_definition

ROOT = Path(__file__).parents[1]
MODEL = ROOT / "semantic" / "customer_analytics.yaml"
SETS = ROOT / "tests" / "ask" / "questions"
REPRESENTATIVE = Path(__file__).with_name("ask_questions.txt")
PERCENTILE = "95th percentile of transaction amount"
THREADS, MEMORY = 2, "4GB"
ROUNDS = 3
SLOWEST = 5
MOST_READ_MS, MOST_ROWS_MS, MOST_PERCENTILE_MS, MOST_START_SECONDS = 50.0, 300.0, 1500.0, 1.0


def run(folder: Path, scale: str, database: Path | None = None) -> dict[str, Any]:
    """Measure one scale; ``database`` is that of a build, which is made where none is given.

    Raises:
        MeasurementFailed: a step failed.
    """
    path = database or _build(folder, scale)
    found = json.loads(measure([sys.executable, "-m", "bench.ask", str(path)]).output)
    result = {"scale": scale, **found}
    return result | {"targets": [target.as_dict() for target in targets(result)]}


def targets(result: dict[str, Any]) -> list[Target]:
    """Return what has to hold."""
    name = f"ask, {result['scale']}"
    return [
        Target(f"{name}: reading a question, p95", result["read_ms"]["p95"], MOST_READ_MS, "ms"),
        Target(f"{name}: from question to rows, p95", result["rows_ms"]["p95"], MOST_ROWS_MS, "ms"),
        Target(f"{name}: exact percentile over all transactions", result["percentile_ms"], MOST_PERCENTILE_MS, "ms"),
        Target(f"{name}: start of the reader", result["start_seconds"], MOST_START_SECONDS, "s"),
    ]


def _build(folder: Path, scale: str) -> Path:
    files, home = folder / f"ask-{scale}", folder / f"ask-{scale}-home"
    measure([*CLI, "generate", "--scale", scale, "--out", str(files)])
    measure([*CLI, "--home", str(home), "load", "bank", "--from", str(files)])
    measure([*CLI, "--home", str(home), "build"], {"CUSTOMER360_BUILD_MEMORY": "6GB"})
    return warehouse(home)


def measure_database(path: Path) -> dict[str, Any]:
    """Measure everything on one database, in this process."""
    definition = read_definition(MODEL)
    started = time.perf_counter()
    with open_source(path, definition, figures=Figures("USD", "en_US"), threads=THREADS, memory=MEMORY) as source:
        start_seconds = time.perf_counter() - started
        source.engine.read("total spned")  # the dictionary of English is read with the first unknown word
        asked = REPRESENTATIVE.read_text(encoding="utf-8").splitlines()
        reading = [_milliseconds(partial(source.engine.read, one)) for one in (*_written_down(), *asked)]
        tried = [_answer(source, question) for question in (*asked, PERCENTILE)]
    *answered, whole = [one for one in tried if one is not None]
    rows, bare = _alone(path, answered)
    took = [one.milliseconds for one in answered]
    slowest = sorted(answered, key=lambda one: -one.milliseconds)[:SLOWEST]
    return {
        "transactions": rows,
        "start_seconds": start_seconds,
        "questions_read": len(reading),
        "read_ms": {"p50": percentile(reading, 50), "p95": percentile(reading, 95), "max": max(reading)},
        "questions_answered": len(answered),
        "not_answered": sorted({*asked} - {one.question for one in answered}),
        "rows_ms": {"p50": percentile(took, 50), "p95": percentile(took, 95)},
        "of_bare": sum(took) / bare,
        "slowest_ms": {one.question: one.milliseconds for one in slowest},
        "percentile_ms": whole.milliseconds,
    }


def _written_down() -> list[str]:
    """Return the questions of our own sets that stand alone; the set that is kept aside stays aside."""
    files = [SETS / f"{name}.jsonl" for name in ("own_dev", "intents")]
    records = [json.loads(line) for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    return [record["question"] for record in records if not record["previous"]]


@dataclass(frozen=True)
class _Answered:
    question: str
    milliseconds: float
    sql: str
    parameters: tuple[Any, ...]


def _answer(source: Source, question: str) -> _Answered | None:
    """Return the median time of a question with the SQL that it became, or nothing where it is not answered."""
    result = Conversation(source, suggest=False).ask(question).result
    if result is None:
        return None
    took = [_milliseconds(partial(Conversation(source, suggest=False).ask, question)) for _ in range(ROUNDS)]
    return _Answered(question, statistics.median(took), result.sql, tuple(result.parameters))


def _alone(path: Path, answered: Sequence[_Answered]) -> tuple[int, float]:
    """Return the number of transactions, and the milliseconds that the SQL of all questions takes by itself."""
    with duckdb.connect(str(path), read_only=True) as bare:
        bare.execute(f"set threads = {THREADS}")
        total = 0.0
        for one in answered:
            work = partial(_fetch, bare, one)
            work()
            total += statistics.median(_milliseconds(work) for _ in range(ROUNDS))
        [(rows,)] = bare.execute("select count(*) from gold.fct_transactions").fetchall()
    return int(rows), total


def _fetch(bare: duckdb.DuckDBPyConnection, one: _Answered) -> None:
    bare.execute(one.sql, list(one.parameters)).fetchall()


def _milliseconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - started)


if __name__ == "__main__":
    print(json.dumps(measure_database(Path(sys.argv[1]))))
