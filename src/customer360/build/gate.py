"""Decides whether a build may be published, and names the rows that speak against it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb

from customer360.build.dbt import DbtRun
from customer360.errors import BuildFailed, ErrorDetail
from customer360.semantic import expression_checks, key_checks, load_model
from customer360.warehouse.builds import FILE, MODEL_FILE

ROWS_NAMED = 5


def check(folder: Path, run: DbtRun) -> None:
    """Let a build pass, or refuse it.

    Raises:
        BuildFailed: a model did not run, an invariant does not hold, or the semantic model does not fit the tables.
    """
    if run.failed_models:
        raise BuildFailed("Some models did not run.", details=run.failed_models)
    with duckdb.connect(str(folder / FILE)) as connection:
        details = [_failing_rows(connection, test, test["failures"]) for test in run.failed_tests]
        if not details:
            details = _broken_invariants(connection, run.invariants)
        if not details:
            details = _misfits(connection, folder / MODEL_FILE, run.proven_keys)
    if details:
        names = ", ".join(detail["field"] for detail in details)
        raise BuildFailed(f"The build does not pass its gate: {names}.", details=details)


def _failing_rows(connection: duckdb.DuckDBPyConnection, test: dict[str, Any], count: int) -> ErrorDetail:
    return {
        "field": test["name"],
        "value": _first_rows(connection, test["sql"]),
        "message": f"{count} rows fail",
    }


def _broken_invariants(connection: duckdb.DuckDBPyConnection, invariants: list[dict[str, Any]]) -> list[ErrorDetail]:
    """Hold what must be true of the whole build against the finished file, as it will be read.

    dbt's tests ran in the process and the moment that made the tables; an engine can be wrong about those.
    """
    counts = [connection.sql(test["sql"]).count("*").fetchall()[0][0] for test in invariants]
    broken = [(test, count) for test, count in zip(invariants, counts, strict=True) if count]
    return [_failing_rows(connection, test, count) for test, count in broken]


def _misfits(
    connection: duckdb.DuckDBPyConnection, model_file: Path, proven: frozenset[tuple[str, str]]
) -> list[ErrorDetail]:
    """Hold the semantic model against the tables: every expression runs, every key is one."""
    model = load_model(model_file)
    details: list[ErrorDetail] = []
    for statement in expression_checks(model, "duckdb"):
        try:
            connection.sql(statement)
        except duckdb.Error as error:
            details.append({"field": model_file.name, "value": statement, "message": str(error).splitlines()[0]})
    for statement in key_checks(model, "duckdb", proven=proven):
        if rows := _first_rows(connection, statement):
            details.append({"field": model_file.name, "value": rows, "message": "a primary key is not unique"})
    return details


def _first_rows(connection: duckdb.DuckDBPyConnection, sql: str) -> list[dict[str, str]]:
    relation = connection.sql(sql).limit(ROWS_NAMED)
    return [dict(zip(relation.columns, map(str, row), strict=True)) for row in relation.fetchall()]
