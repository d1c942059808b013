"""The schema MONITORING of a build: what the operational store knew when it began, and what dbt did to make it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from customer360.lake import Manifest

TABLES = {
    "batches": (
        "batch_id varchar, table_name varchar, source varchar, rows_landed bigint, rows_invalid bigint, "
        "sha256 varchar, bytes bigint, landed_at timestamp"
    ),
    "pipeline_runs": (
        "run_id bigint, kind varchar, subject varchar, status varchar, started_at timestamp, finished_at timestamp, "
        "seconds double"
    ),
    "pipeline_steps": (
        "step_name varchar, kind varchar, status varchar, started_at timestamp, seconds double, failures bigint"
    ),
    "lineage_edges": "from_name varchar, from_kind varchar, to_name varchar, to_kind varchar",
    "query_performance": (
        "query_id varchar, asked_at timestamp, source varchar, build_id varchar, seconds double, rows_returned bigint, "
        "from_cache boolean, status varchar"
    ),
    "api_metrics": (
        "measured_at timestamp, route varchar, method varchar, status_code integer, requests bigint, mean_ms double, "
        "p95_ms double, p99_ms double"
    ),
    "alerts": (
        "alert_id bigint, raised_at timestamp, severity varchar, component varchar, message varchar, "
        "resolved_at timestamp"
    ),
    "ingestion_runs": (
        "run_id bigint, source_system varchar, started_at timestamp, finished_at timestamp, status varchar, "
        "pages bigint, records_fetched bigint, records_landed bigint, duplicates bigint, records_rejected bigint, "
        "errors bigint"
    ),
    "churn_models": (
        "model_version varchar, engine varchar, trained_at timestamp, data_build varchar, cutoff_date date, "
        "metrics varchar, status varchar, artefact_uri varchar, artefact_sha256 varchar"
    ),
}
"""Every table that a build does not compute from data; those whose writers do not exist yet stay empty."""

TESTED = {
    "data_quality_results": (
        "table_name varchar, rule_name varchar, category varchar, consequence varchar, message varchar, "
        "checked_rows bigint, failed_rows bigint, passed boolean"
    )
}
"""The table that dbt makes of the rules of data quality, and that gets the results of its tests."""

History = Mapping[str, Sequence[dict[str, Any]]]
"""Rows of what was known before the build, by table of MONITORING."""


def types_of(table: str) -> dict[str, str]:
    """Return the type of each column of a table."""
    return dict(column.split() for column in (TABLES | TESTED)[table].split(", "))


def describe_batches(batches: Sequence[Manifest]) -> list[dict[str, Any]]:
    """Return the rows of MONITORING.BATCHES: what each batch that a build is made of brought to each bronze table."""
    return [
        {
            "batch_id": batch.batch_id,
            "table_name": table,
            "source": batch.source,
            "rows_landed": counts.rows,
            "rows_invalid": counts.invalid,
            "sha256": batch.sha256,
            "bytes": batch.bytes,
            "landed_at": batch.landed_at[:23],
        }
        for batch in batches
        for table, counts in batch.tables.items()
    ]


def create_tables(connection: duckdb.DuckDBPyConnection, history: History) -> None:
    """Create the tables and fill those that there are rows for."""
    connection.execute("create schema if not exists monitoring")
    for name, columns in TABLES.items():
        connection.execute(f"create table monitoring.{name} ({columns})")
    for table, rows in history.items():
        insert(connection, table, rows)


def read_dbt(target: Path) -> dict[str, list[dict[str, Any]]]:
    """Return what the dbt run left in its artifacts: steps with their times, what reads what, and results of tests."""
    manifest = json.loads((target / "manifest.json").read_text(encoding="utf-8"))
    results = json.loads((target / "run_results.json").read_text(encoding="utf-8"))["results"]
    nodes = manifest["nodes"] | manifest["sources"]
    tests = [result for result in results if result["unique_id"].startswith("test.")]
    return {
        "pipeline_steps": [_step(nodes, result) for result in results],
        "lineage_edges": _edges(nodes, manifest["parent_map"]),
        "data_quality_results": [_test(nodes, result) for result in tests],
    }


def insert(connection: duckdb.DuckDBPyConnection, table: str, rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows of one shape by name; their JSON is parsed and cast by the engine."""
    if not rows:
        return
    names = list(rows[0])
    fields = ", ".join(f"row ->> '{name}' as {name}" for name in names)
    connection.execute(
        f"insert into monitoring.{table} by name select {fields} "  # noqa: S608  (names of our own)
        "from (select unnest(cast($1 as json[])) as row)",
        [json.dumps(rows, default=str)],
    )


def _step(nodes: dict[str, Any], result: dict[str, Any]) -> dict[str, Any]:
    node = nodes[result["unique_id"]]
    started = next((timing["started_at"] for timing in result["timing"] if timing["name"] == "execute"), None)
    return {
        "step_name": node["name"],
        "kind": node["resource_type"],
        "status": result["status"],
        "started_at": started and started.removesuffix("Z"),
        "seconds": round(result["execution_time"], 3),
        "failures": result["failures"],
    }


def _edges(nodes: dict[str, Any], parents: dict[str, list[str]]) -> list[dict[str, Any]]:
    return [
        {
            "from_name": nodes[parent]["name"],
            "from_kind": nodes[parent]["resource_type"],
            "to_name": nodes[child]["name"],
            "to_kind": nodes[child]["resource_type"],
        }
        for child, above in parents.items()
        for parent in above
        if child in nodes and parent in nodes and nodes[child]["resource_type"] != "test"
    ]


def _test(nodes: dict[str, Any], result: dict[str, Any]) -> dict[str, Any]:
    node = nodes[result["unique_id"]]
    attached = nodes.get(node.get("attached_node") or "", {})
    return {
        "table_name": attached.get("name")
        or ", ".join(sorted(name.split(".")[-1] for name in node["depends_on"]["nodes"])),
        "rule_name": node["name"],
        "category": "test",
        "consequence": "warn" if node["config"]["severity"] == "warn" else "gate",
        "message": node.get("description") or "",
        "failed_rows": result["failures"],
        "passed": result["status"] == "pass",
    }
