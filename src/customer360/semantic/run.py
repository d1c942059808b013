"""Ask a warehouse a semantic query."""

from __future__ import annotations

from datetime import date

from customer360.semantic.compiler import Compiled, compile_query
from customer360.semantic.model import SemanticModel
from customer360.semantic.query import SemanticQuery
from customer360.semantic.result import SemanticResult
from customer360.warehouse.base import Warehouse


def run_query(
    warehouse: Warehouse,
    model: SemanticModel,
    query: SemanticQuery,
    *,
    rows_available: int | None = None,
    build_id: str,
    as_of_date: date,
    timeout: float | None = None,
    schema_suffix: str = "",
) -> SemanticResult:
    """Return the rows of a query and how complete they are; rows beyond the limit are counted, not fetched.

    ``rows_available`` is their number where the caller knows it from the same build: nothing is counted then.
    ``timeout`` holds for each of the at most two statements.

    Raises:
        InvalidQuery: the query does not fit the model.
        QueryTimeout: a statement took longer than ``timeout`` seconds.
    """
    compiled = compile_query(model, query, warehouse.dialect, schema_suffix=schema_suffix)
    fetched = warehouse.query(compiled.plan.fetch_sql, compiled.parameters, timeout=timeout)
    if fetched.num_rows <= query.limit and (fetched.num_rows or not query.offset):
        rows_available = query.offset + fetched.num_rows
    elif rows_available is None:
        rows_available = _count(warehouse, compiled, timeout)
    return SemanticResult(
        columns=compiled.columns,
        table=fetched.slice(0, query.limit),
        rows_available=rows_available,
        build_id=build_id,
        as_of_date=as_of_date,
        sql=compiled.sql,
        parameters=compiled.parameters,
    )


def _count(warehouse: Warehouse, compiled: Compiled, timeout: float | None) -> int:
    counted = warehouse.query(compiled.plan.count_sql, compiled.parameters, timeout=timeout)
    return int(counted.column(0)[0].as_py())
