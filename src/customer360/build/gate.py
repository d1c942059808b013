"""Decides whether a build may be published, and names the rows that speak against it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb

from customer360.build.dbt import DbtRun
from customer360.errors import BuildFailed, ErrorDetail
from customer360.warehouse.builds import FILE

ROWS_NAMED = 5


def check(folder: Path, run: DbtRun) -> None:
    """Let a build pass, or refuse it.

    Raises:
        BuildFailed: a model did not run, an invariant does not hold, or the semantic model does not fit the tables.
    """
    if run.failed_models:
        raise BuildFailed("Some models did not run.", details=run.failed_models)
    with duckdb.connect(str(folder / FILE)) as connection:
        details = [_failing_rows(connection, test) for test in run.failed_tests]
    if details:
        names = ", ".join(detail["field"] for detail in details)
        raise BuildFailed(f"The build does not pass its gate: {names}.", details=details)


def _failing_rows(connection: duckdb.DuckDBPyConnection, test: dict[str, Any]) -> ErrorDetail:
    relation = connection.sql(test["sql"]).limit(ROWS_NAMED)
    rows = [dict(zip(relation.columns, map(str, row), strict=True)) for row in relation.fetchall()]
    return {"field": test["name"], "value": rows, "message": f"{test['failures']} rows fail"}
