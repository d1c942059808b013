"""Runs the dbt project ``transform/`` on one DuckDB file, in this process, and reads what it leaves behind."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from customer360.build.making import Making, Start
from customer360.errors import BuildFailed, ErrorDetail
from customer360.settings import project_files

UNWATCHED = {"DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "DO_NOT_TRACK": "1"}
FAILED = ("error", "fail", "runtime error")
SHOW_SCORES = ("source:scoring+",)
"""What reads the scores of customers, and what reads that."""
RUN_RESULTS = "run_results.json"
FINISHED = ("LogModelResult", "LogTestResult", "LogSeedResult")
Report = Callable[..., None]


@dataclass(frozen=True)
class DbtRun:
    """What a dbt run left: nodes that failed, each with its compiled SQL, and the keys of the tables it made."""

    failed_tests: list[dict[str, Any]]
    failed_models: list[ErrorDetail]
    primary_keys: dict[str, list[str]]
    durations: dict[str, float]
    proven_keys: frozenset[tuple[str, str]] = frozenset()
    """Table and column of each single key that dbt's tests found unique and never null."""
    invariants: list[dict[str, Any]] = field(default_factory=list)
    """The singular tests that passed, each with its compiled SQL: the gate holds them once more."""
    passing_views: list[str] = field(default_factory=list)
    """The views that only models of silver read, by ``schema.table``; they read bronze and do not stay."""


def run(
    folder: Path,
    dataset: dict[str, Any],
    start: Start,
    making: Making,
    report: Report,
    *,
    score: Callable[[], None] | None = None,
) -> DbtRun:
    """Build and test every model; durations separate dbt's own start-up from the work on data.

    ``score`` writes what models say of the customers; it runs once everything else is made, before what shows scores.
    """
    arguments = _arguments(folder, dataset, start, making.schema_suffix)
    anew = [*arguments, "--no-partial-parse"]
    if score is None:
        return _read_artifacts(folder / "dbt", _invoke(anew, making, report), making.schema_suffix)
    durations = _invoke([*anew, "--exclude", *SHOW_SCORES], making, report)
    first = _read_results(folder / "dbt")
    if not any(result["status"] in FAILED for result in first["results"]):
        started = time.perf_counter()
        score()
        durations["score"] = round(time.perf_counter() - started, 3)
        parsed = [*arguments, "--partial-parse"]  # what the first run read of the project a moment ago
        for name, seconds in _invoke([*parsed, "--select", *SHOW_SCORES], making, report).items():
            durations[name] += seconds
        _add_results(folder / "dbt", first)
    return _read_artifacts(folder / "dbt", durations, making.schema_suffix)


def _invoke(arguments: list[str], making: Making, report: Report) -> dict[str, float]:
    """Run dbt and return how long its start and its work took."""
    started = time.perf_counter()
    os.environ |= making.dbt_environment() | UNWATCHED
    from dbt.cli.main import dbtRunner  # noqa: PLC0415  (takes seconds to import; only this process pays)

    progress = _Progress(report)
    result = dbtRunner(callbacks=[progress]).invoke(arguments)
    making.release()
    finished = time.perf_counter()
    if result.exception:
        raise BuildFailed(f"dbt could not run: {result.exception}", next_action="customer360 doctor checks the set-up.")
    startup = (progress.first_node_at or finished) - started
    return {"dbt_startup": round(startup, 3), "dbt": round(finished - started - startup, 3)}


def _read_results(target: Path) -> dict[str, Any]:
    results: dict[str, Any] = json.loads((target / RUN_RESULTS).read_text(encoding="utf-8"))
    return results


def _add_results(target: Path, first: dict[str, Any]) -> None:
    """Keep what both runs did as if they were one."""
    second = _read_results(target)
    both = second | {"results": [*first["results"], *second["results"]]}
    (target / RUN_RESULTS).write_text(json.dumps(both), encoding="utf-8")


def variables(dataset: dict[str, Any], start: Start) -> dict[str, Any]:
    """Return what the models are told of a dataset and of the build."""
    names = ("time_zone", "holidays", "fiscal_year_start_month", "type_2_attributes", "currency")
    told: dict[str, Any] = {name: dataset[name] for name in names} | dataset.get("rules", {})
    told["dataset"] = dataset["name"]
    return told | {"as_of_date": start.as_of_date, "carries_facts": start.carried_from is not None}


def _arguments(folder: Path, dataset: dict[str, Any], start: Start, schema_suffix: str) -> list[str]:
    project = project_files("transform")
    told = variables(dataset, start) | {"schema_suffix": schema_suffix}
    return [
        *("build", "--exclude-resource-type", "unit_test"),
        *("--project-dir", str(project), "--profiles-dir", str(project / "profiles")),
        *("--target-path", str(folder / "dbt"), "--log-path", str(folder / "dbt")),
        *("--log-level", "none", "--log-level-file", "warn"),
        *("--vars", json.dumps(told), "--no-version-check"),
    ]


class _Progress:
    """Passes dbt's events on as "node N of M is done"."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self.first_node_at: float | None = None

    def __call__(self, event: Any) -> None:
        if self.first_node_at is None and event.info.name == "NodeStart":
            self.first_node_at = time.perf_counter()
        if event.info.name in FINISHED:
            node = event.data.node_info
            self._report(event="node", name=node.node_name, done=event.data.index, total=self._total(event))

    @staticmethod
    def _total(event: Any) -> int:
        return int(getattr(event.data, "total", 0) or getattr(event.data, "num_models", 0))


def _read_artifacts(target: Path, durations: dict[str, float], schema_suffix: str) -> DbtRun:
    manifest = json.loads((target / "manifest.json").read_text(encoding="utf-8"))
    results = _read_results(target)["results"]
    nodes = manifest["nodes"]
    failed = [result for result in results if result["status"] in FAILED]
    tests = [r for r in failed if r["unique_id"].startswith("test.") and r["status"] == "fail"]
    others = [r for r in failed if r not in tests]
    return DbtRun(
        failed_tests=[_test(nodes[r["unique_id"]], r) for r in tests],
        failed_models=[{"field": nodes[r["unique_id"]]["name"], "message": r["message"] or ""} for r in others],
        primary_keys={
            _plain_name(node, schema_suffix): node["config"]["meta"]["primary_key"]
            for node in nodes.values()
            if "primary_key" in node["config"].get("meta", {})
        },
        durations=durations,
        invariants=[
            _test(nodes[r["unique_id"]], r) for r in results if r["status"] == "pass" and _is_invariant(nodes, r)
        ],
        passing_views=[
            name
            for node in nodes.values()
            if node["resource_type"] == "model" and node["config"]["materialized"] == "view"
            if (name := _plain_name(node, schema_suffix)).startswith("silver.")
        ],
        proven_keys=_passed(nodes, results, "unique") & _passed(nodes, results, "not_null"),
    )


def _plain_name(node: dict[str, Any], schema_suffix: str) -> str:
    return f"{node['schema'].removesuffix(schema_suffix)}.{node['name']}"


def _is_invariant(nodes: dict[str, Any], result: dict[str, Any]) -> bool:
    node = nodes[result["unique_id"]]
    return node["resource_type"] == "test" and not node.get("test_metadata")


def _passed(nodes: dict[str, Any], results: list[dict[str, Any]], test: str) -> frozenset[tuple[str, str]]:
    """Return table and column of each test of a kind that passed."""
    passed = [nodes[result["unique_id"]] for result in results if result["status"] == "pass"]
    return frozenset(
        (node["attached_node"].split(".")[-1], node["column_name"])
        for node in passed
        if (node.get("test_metadata") or {}).get("name") == test
    )


def _test(node: dict[str, Any], result: dict[str, Any]) -> dict[str, Any]:
    return {"name": node["name"], "failures": result["failures"], "sql": result["compiled_code"]}
