"""Turns what was measured into a text for people: Markdown that a terminal shows as well as a page does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

INTRODUCTION = """\
# Benchmarks

`make bench` measures these on your machine; `python -m bench NAME --write-docs` also puts them on this page, in the
place of what was measured before. Figures compare within one run: read the ratios, and expect other absolute numbers
elsewhere.
"""
MACHINE, REMARK = "machine", "remark"
"""What a run holds beside its benchmarks: where it ran, and what a reader must know of it."""


def merge(runs: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the runs, oldest first, with each benchmark where it was measured last; a run left with none is gone."""
    found: list[dict[str, Any]] = []
    for run in runs:
        found = [{name: part for name, part in old.items() if name in (MACHINE, REMARK) or name not in run}
                 for old in found]  # fmt: skip
        found.append(run)
    return [run for run in found if run.keys() - {MACHINE, REMARK}]


def render(runs: Sequence[dict[str, Any]]) -> str:
    """Return the page for the results of these runs, none of which measured what another did."""
    sections = {
        "online_retail": _online_retail,
        "latency": _latency,
        "bank": _bank,
        "churn": _churn,
        "ingest": _ingest,
        "value": _value,
        "ask": _ask,
        "snowflake": _snowflake,
    }
    results = {name: result for run in runs for name, result in run.items() if name in sections}
    order = [name for name in sections if name in results]
    parts = [INTRODUCTION, *(_run(run, order) for run in runs), _targets([results[name] for name in order])]
    for name, section in sections.items():
        if name in results:
            parts.append("\n".join(section(results[name])))
    return "\n".join(parts)


def _run(run: dict[str, Any], order: Sequence[str]) -> str:
    facts, names = run[MACHINE], ", ".join(name for name in order if name in run)
    remark = f"{run[REMARK]}\n" if REMARK in run else ""
    busy = facts["load_average"]
    load = "" if busy is None else f"Other programs kept {busy} cores busy when the run began.\n"
    versions = ", ".join(f"{name} {number}" for name, number in facts["versions"].items())
    return (
        f"{names}: measured {facts['at']} on {facts['cores']} cores ({facts['processor']}), {facts['memory_gb']} GB, "
        f"{facts['system']}; Python {facts['python']}, {versions}.\n{load}{remark}"
    )


def _targets(results: Sequence[dict[str, Any]]) -> str:
    targets = [target for result in results for target in result.get("targets", [])]
    rows = [
        [t["name"], f"{t['measured']:.2f} {t['unit']}", f"{t['most']:g} {t['unit']}", "PASS" if t["holds"] else "FAIL"]
        for t in targets
    ]
    return "\n".join(["## Targets", "", *_table(["", "measured", "at most", ""], rows), ""])


def _online_retail(result: dict[str, Any]) -> Iterator[str]:
    ratios = ", ".join(f"{ratio:.2f}" for ratio in result["ratio_of_each_round"])
    ratio = result["ours_seconds"] / result["script_seconds"]
    alone = len(result.get("alone", ()))
    more = f"makes {alone} tables more, those of churn at each cutoff among them, and " if alone else ""
    yield "## Online Retail: load, build and publish"
    yield ""
    yield (
        f"305 files, {result['rows']['gold.fct_transactions']:,} lines, from the archive to a published build, against "
        f"`bench/baseline.py`: one hand-written DuckDB script. Both make the same {len(result['rows'])} tables, "
        f"compared value for value. Ours also {more}keeps each file, each line's origin, rejects, its checks and older "
        "builds."
    )
    yield ""
    yield (
        f"Medians of {len(result['rounds'])} rounds: ours without dbt's start-up {result['ours_seconds']:.2f} s, the "
        f"script {result['script_seconds']:.2f} s, ratio {ratio:.2f} (each round: {ratios})."
    )
    yield ""
    yield from _table(["phase of ours", "seconds"], [[k, f"{v:.2f}"] for k, v in result["phases"].items()])
    yield ""
    yield from _table(
        ["process", "CPU seconds", "peak MB"],
        [[k, f"{v:.2f}", f"{result['peak_mb'][k]:.0f}"] for k, v in result["cpu_seconds"].items()],
    )
    yield ""


def _latency(result: dict[str, Any]) -> Iterator[str]:
    yield "## The API at a fixed rate"
    yield ""
    yield (
        f"An open loop of {result['seconds']:g} s: latency counts from the moment a request was due. While building, "
        f"`customer360 build` runs in a loop beside it ({result['builds_published']} builds published). The service "
        f"used {result['api_memory_mb']:.0f} MB at the end."
    )
    yield ""
    figures = ("per_second", "p50", "p95", "p99", "max", "client_lateness_p99")
    rows = [
        [route, when, *(f"{result[when][route][figure]:.1f}" for figure in figures), str(result[when][route]["failed"])]
        for when in ("idle", "while building")
        for route in ("customers", "health")
    ]
    yield from _table(
        ["route", "", "per second", "p50 ms", "p95 ms", "p99 ms", "max ms", "client late p99", "failed"], rows
    )
    yield ""


def _bank(result: dict[str, Any]) -> Iterator[str]:
    for scale in result["scales"]:
        yield f"## The synthetic bank, {scale['scale']} scale"
        yield ""
        yield f"{scale['customers']:,} customers, {scale['transactions']:,} transactions."
        yield ""
        rows = [[name, *(f"{step[key]:,.{digits}f}" for key, digits in _STEP)] for name, step in scale["steps"].items()]
        yield from _table(["step", "seconds", "CPU seconds", "peak MB", "transactions/s"], rows)
        yield ""
        yield (
            f"One more day of transactions: {scale['day_of_build']:.2f} of the time of the whole build, because facts "
            "of the build before are carried; the tables are those of a build that reads everything."
        )
        phases = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in scale["build_phases"].items())
        lookup, disk = scale["lookup_ms"], scale["disk_mb"]
        yield f"Phases of the build: {phases}."
        yield ""
        yield (
            "One customer's profile and latest 1,000 transactions, in process and without the cache: p50 "
            f"{lookup['p50']:.1f} ms, p99 {lookup['p99']:.1f} ms. On disk: files {disk['files']:,.0f} MB, "
            f"the workspace with two builds {disk['workspace']:,.0f} MB."
        )
        yield ""
    if result["exponent"] is not None:
        yield f"The time of a build grows with the rows to the power of {result['exponent']:.2f}."
        yield ""


def _ingest(result: dict[str, Any]) -> Iterator[str]:
    yield "## Customers from an API"
    yield ""
    yield (
        f"{result['records']:,} records of `customer360 demo-api --quiet`, from the start of `customer360 ingest` to "
        "its exported files: fetched, landed, judged, exported. The bare loop (`bench/ingest_baseline.py`) only reads "
        "and parses the pages. Both ask four at a time at the same pace; the server is a third process on the same "
        "cores, which lets no more through than the pace when throttled."
    )
    yield ""
    rows = [
        [f"{name}, pages of {case['per_page']:,}: {reader}", *(f"{figures[k]:,.{digits}f}" for k, digits in _READER)]
        for name, case in result["cases"].items()
        for reader, figures in case["readers"].items()
    ]
    yield from _table(["", "seconds", "CPU seconds", "peak MB", "records/s", "429s"], rows)
    yield ""
    for name, case in result["cases"].items():
        stages = ", ".join(f"{stage} {seconds:.1f} s" for stage, seconds in case["stages"].items())
        pace = f"at most {case['rate']:,} requests a second"
        yield f"Stages of ours, {name} ({pace}): {stages}; the rest is the start of the command."
    yield ""


def _churn(result: dict[str, Any]) -> Iterator[str]:
    yield "## Who is about to leave"
    yield ""
    yield (
        "Labels and features of all cutoffs by the SQL that the build ran, then fitting, scoring and explaining, in "
        "one process with the engine. Training as a command also tries leaks, shuffles what came later, fits a model "
        "for each earlier cutoff and resamples every figure; scoring is a build, which carries the facts over."
    )
    yield ""
    for scale in result["scales"]:
        steps = [[name, f"{seconds:.1f}", ""] for name, seconds in scale["seconds"].items()]
        steps.append(["together", f"{sum(scale['seconds'].values()):.1f}", f"{scale['peak_mb']:,.0f}"])
        for name in ("train", "score"):
            if name in scale:
                command = scale[name]
                steps.append([f"customer360 churn {name}", f"{command['seconds']:.1f}", f"{command['peak_mb']:,.0f}"])
        yield (
            f"{scale['scale']}: {scale['transactions']:,} transactions, {scale['learnt']:,} customers at past cutoffs, "
            f"{scale['scored']:,} to score."
        )
        yield ""
        yield from _table(["step", "seconds", "peak MB"], steps)
        yield ""


def _value(result: dict[str, Any]) -> Iterator[str]:
    yield "## What customers will buy and spend"
    yield ""
    yield (
        f"{result['customers']:,} customers, of whom {result['repeating']:,} came back, with {result['purchases']:,} "
        "drawn purchases: from the purchases of a build to a year ahead, in one process with the engine. Its peak "
        f"memory is {result['peak_mb']:,.0f} MB. Intervals are of {result['draws']:,} futures of each customer, on one "
        "core."
    )
    yield ""
    steps = [[name, f"{seconds:.2f}"] for name, seconds in result["seconds"].items()]
    steps[-1][0] = f"intervals of {result['simulated']:,} customers"
    yield from _table(["step", "seconds"], steps)
    yield ""
    yield "The parameters found, beside those drawn with: purchases of one day count once, so they differ a little."
    yield ""
    rows = [
        ["drawn with", *(f"{value:g}" for value in result["drawn_with"].values())],
        ["found", *(f"{one['estimate']:.3f}" for one in result["found"].values())],
    ]
    yield from _table(["", *result["drawn_with"]], rows)
    yield ""


def _ask(result: dict[str, Any]) -> Iterator[str]:
    yield "## Questions in English"
    yield ""
    yield (
        "Reading a question is in process, over the questions of our own sets and those of `bench/ask_questions.txt`. "
        "From the latter to their rows: read, compiled, run on two threads and put into words, without any cache; the "
        "ratio is to the same SQL on a bare connection. The percentile is exact, over every transaction."
    )
    yield ""
    rows = [
        [
            f"{scale['scale']}: {scale['transactions']:,} transactions",
            *(f"{scale['read_ms'][figure]:.1f}" for figure in ("p50", "p95")),
            *(f"{scale['rows_ms'][figure]:.0f}" for figure in ("p50", "p95")),
            f"{scale['of_bare']:.2f}",
            f"{scale['percentile_ms']:.0f}",
            f"{scale['start_seconds']:.2f}",
        ]
        for scale in result["scales"]
    ]
    head = [
        "",
        "read p50 ms",
        "read p95 ms",
        "rows p50 ms",
        "rows p95 ms",
        "of the SQL alone",
        "percentile ms",
        "start s",
    ]
    yield from _table(head, rows)
    yield ""
    for scale in result["scales"]:
        slowest = ", ".join(f"“{question}” {took:.0f} ms" for question, took in scale["slowest_ms"].items())
        answered, not_answered = scale["questions_answered"], len(scale["not_answered"])
        yield (
            f"{scale['scale']}: {scale['questions_read']} questions read, {answered} of {answered + not_answered} "
            f"brought to their rows. Slowest: {slowest}."
        )
    yield ""


def _snowflake(result: dict[str, Any]) -> Iterator[str]:
    yield "## Snowflake: statements and requests"
    yield ""
    yield (
        f"Counted between the connector and the emulator, for a bank of {result['customers']:,} customers and "
        f"{result['transactions']:,} transactions. An account is sent the same, but one statement "
        "less for each uploaded file; the uploads themselves are not counted. Seconds are the emulator's on this "
        "machine and say nothing of Snowflake."
    )
    yield ""
    most = {target["name"].split(": ", 1)[1]: target["most"] for target in result["targets"]}
    rows = [
        [name, f"{step['statements']:,.0f}", f"{most[name]:,}", f"{step['requests']:,.0f}", f"{step['seconds']:.2f}"]
        for name, step in result["steps"].items()
    ]
    yield from _table(["what", "statements", "at most", "requests", "seconds"], rows)
    yield ""


_READER = (("seconds", 1), ("cpu_seconds", 1), ("peak_mb", 0), ("records_per_second", 0), ("throttled", 0))
_STEP = (("seconds", 1), ("cpu_seconds", 1), ("peak_mb", 0), ("rows_per_second", 0))


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield a Markdown table whose columns line up; all but the first are right-aligned."""
    widths = [max(3, *(len(row[place]) for row in [head, *rows])) for place in range(len(head))]
    yield _line(head, widths)
    yield "|" + "|".join("-" * (w + 2) if not place else "-" * (w + 1) + ":" for place, w in enumerate(widths)) + "|"
    yield from (_line(row, widths) for row in rows)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = [
        cell.rjust(width) if place else cell.ljust(width)
        for place, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return f"| {' | '.join(padded)} |"
