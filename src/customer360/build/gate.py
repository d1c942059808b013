"""Decides whether a build may be published, and names the rows that speak against it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from customer360.build.dbt import DbtRun
from customer360.errors import BuildFailed, ErrorDetail, InvalidQuery
from customer360.semantic import expression_checks, key_checks, load_model
from customer360.warehouse import Warehouse

ROWS_NAMED = 5


def check(warehouse: Warehouse, model_files: Sequence[Path], run: DbtRun, schema_suffix: str = "") -> None:
    """Let a build pass, or refuse it; keys are held for the first of the models.

    The others read MONITORING, which is filled to its end after the gate and in part from the operational store: a row
    that was noted twice there is no reason to hold back what is known of customers.

    Raises:
        BuildFailed: a model did not run, an invariant does not hold, or a semantic model does not fit the tables.
    """
    if run.failed_models:
        raise BuildFailed("Some models did not run.", details=run.failed_models)
    details = [_failing_rows(warehouse, test, test["failures"]) for test in run.failed_tests]
    if not details:
        details = _broken_invariants(warehouse, run.invariants)
    if not details:
        details = [one for file in model_files for one in _misfits(warehouse, file, schema_suffix)]
        details += _repeated_keys(warehouse, model_files[0], run.proven_keys, schema_suffix)
    if details:
        names = ", ".join(detail["field"] for detail in details)
        raise BuildFailed(f"The build does not pass its gate: {names}.", details=details)


def _failing_rows(warehouse: Warehouse, test: dict[str, Any], count: int) -> ErrorDetail:
    return {
        "field": test["name"],
        "value": _first_rows(warehouse, test["sql"]),
        "message": f"{count} rows fail",
    }


def _broken_invariants(warehouse: Warehouse, invariants: list[dict[str, Any]]) -> list[ErrorDetail]:
    """Hold what must be true of the whole build against its finished tables, as they will be read.

    dbt's tests ran in the process and the moment that made the tables; an engine can be wrong about those.
    """
    counts = [_count(warehouse, test["sql"]) for test in invariants]
    broken = [(test, count) for test, count in zip(invariants, counts, strict=True) if count]
    return [_failing_rows(warehouse, test, count) for test, count in broken]


def _misfits(warehouse: Warehouse, model_file: Path, schema_suffix: str) -> list[ErrorDetail]:
    """Hold a semantic model against the tables: every expression runs."""
    details: list[ErrorDetail] = []
    for statement in expression_checks(load_model(model_file), warehouse.dialect, schema_suffix=schema_suffix):
        try:
            warehouse.explain(statement)
        except InvalidQuery as error:
            details.append({"field": model_file.name, "value": statement, "message": error.message})
    return details


def _repeated_keys(
    warehouse: Warehouse, model_file: Path, proven: frozenset[tuple[str, str]], schema_suffix: str
) -> list[ErrorDetail]:
    """Hold a semantic model against the rows: every key is one."""
    checks = key_checks(load_model(model_file), warehouse.dialect, schema_suffix=schema_suffix, proven=proven)
    found = [rows for statement in checks if (rows := _first_rows(warehouse, statement))]
    return [{"field": model_file.name, "value": rows, "message": "a primary key is not unique"} for rows in found]


def _count(warehouse: Warehouse, sql: str) -> int:
    counted = warehouse.query(f"select count(*) from (\n{sql}\n) as found")  # noqa: S608  (dbt's own)
    return int(counted.column(0)[0].as_py())


def _first_rows(warehouse: Warehouse, sql: str) -> list[dict[str, str]]:
    rows = warehouse.query(f"select * from (\n{sql}\n) as found limit {ROWS_NAMED}").to_pylist()  # noqa: S608
    return [{name: str(value) for name, value in row.items()} for row in rows]
