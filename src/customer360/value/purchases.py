"""Where purchases come from: a published build, or a file of transactions. Both are asked the same SQL."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import pyarrow as pa
from sqlglot import exp, parse_one

from customer360.warehouse import OpenBuild, Warehouse

OF_A_BUILD = """
select customer_id, transaction_date as purchase_date, transaction_amount as amount
from gold.fct_transactions
where status = 'approved' and transaction_type = 'purchase' and customer_id is not null and transaction_amount >= 0
"""


@dataclass(frozen=True)
class Purchases:
    """Purchases that can be asked for."""

    name: str
    rows: exp.Expr
    """A SELECT of customer_id, purchase_date and amount, none of them null."""
    query: Callable[[str], pa.Table]
    dialect: str
    currency: str | None = None
    build_id: str | None = None
    left_out: int = 0
    """Rows of a file that are no purchase of a customer: without a customer, or a negative amount."""

    def ask(self, statement: str, **dates: exp.Expr) -> pa.Table:
        """Run a SELECT, in DuckDB's SQL, that calls the purchases ``purchases`` and the dates by their names."""

        def fill(node: exp.Expr) -> exp.Expr:
            if isinstance(node, exp.Column) and not node.table and node.name in dates:
                return dates[node.name].copy()
            return node

        query = parse_one(statement, dialect="duckdb").transform(fill)
        query = query.with_("purchases", as_=self.rows.copy())  # type: ignore[attr-defined]
        found = self.query(_put_first(query, "purchases").sql(dialect=self.dialect))
        return found.rename_columns([name.lower() for name in found.column_names])


def _put_first(query: exp.Expr, name: str) -> exp.Expr:
    """Let the named CTE come before those that read it."""
    with_ = query.args["with_"]
    with_.set("expressions", sorted(with_.expressions, key=lambda cte: cte.alias != name))
    return query


def purchases_of(build: OpenBuild) -> Purchases:
    """Return the approved purchases of known customers in a build."""
    return replace(
        purchases_in(build.warehouse, build.schema_suffix),
        name=f"build {build.build_id}",
        currency=build.record.dataset.get("currency"),
        build_id=build.build_id,
    )


def purchases_in(warehouse: Warehouse, schema_suffix: str) -> Purchases:
    """Return the approved purchases of known customers in a build that may still be in the making."""
    rows = parse_one(OF_A_BUILD, dialect="duckdb")
    for table in rows.find_all(exp.Table):
        table.set("db", exp.to_identifier(f"{table.db}{schema_suffix}"))
    return Purchases("the build", rows, warehouse.query, warehouse.dialect)
