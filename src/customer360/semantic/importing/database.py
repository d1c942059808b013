"""The DuckDB file that an imported model is for: which tables and columns it has, and what it makes of expressions."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlglot import exp

from customer360.errors import InvalidQuery
from customer360.semantic.importing.draft import Draft, DraftTable
from customer360.semantic.importing.sql import NotImported
from customer360.semantic.importing.types import type_named
from customer360.warehouse import DuckDBWarehouse

NO_TABLE = "The database has no table {table}."
SEVERAL_TABLES = "The database has the table {table} in several schemas, none of them {schema}: {found}."
OTHER_SCHEMA = "The database has it in the schema {schema}."
REFUSED = "The database refuses it: {message}"


@dataclass(frozen=True)
class Database:
    """One file, and the columns of each of its tables by schema and table in lower case."""

    warehouse: DuckDBWarehouse
    columns: Mapping[tuple[str, str], frozenset[str]]

    @classmethod
    def of(cls, warehouse: DuckDBWarehouse) -> Database:
        """Return what a file has."""
        found: dict[tuple[str, str], set[str]] = {}
        for schema, table, column in warehouse.columns():
            found.setdefault((schema.lower(), table.lower()), set()).add(column.lower())
        return cls(warehouse, {name: frozenset(columns) for name, columns in found.items()})

    def of_table(self, table: DraftTable) -> frozenset[str]:
        """Return the columns of a draft's table."""
        return self.columns.get((table.schema.lower(), table.physical.lower()), frozenset())

    def place(self, draft: Draft, table: DraftTable) -> None:
        """Point a table at the schema that it has in the file, or take it out."""
        wanted = (table.schema.lower(), table.physical.lower())
        if wanted in self.columns:
            return
        schemas = sorted(schema for schema, name in self.columns if name == wanted[1])
        if len(schemas) == 1:
            table.schema = schemas[0]
            draft.note(table.origin, "base_table", OTHER_SCHEMA.format(schema=schemas[0]))
        elif schemas:
            listed = ", ".join(schemas)
            draft.drop_table(table, SEVERAL_TABLES.format(table=table.physical, schema=table.schema, found=listed))
        else:
            draft.drop_table(table, NO_TABLE.format(table=f"{table.schema}.{table.physical}".lower()))

    def find_type(self, table: DraftTable, tree: exp.Expr) -> tuple[str, str | None]:
        """Return the type that an expression has over a table, and our word for it, which may be none.

        Raises:
            NotImported: the file refuses the expression, as where it lacks a column.
        """
        select = exp.select(exp.alias_(tree.copy(), "x")).from_(exp.table_(table.physical, db=table.schema))
        try:
            self.warehouse.explain(select.sql("duckdb"))
        except InvalidQuery as error:
            raise NotImported(REFUSED.format(message=_short(error.message))) from error
        [row] = self.warehouse.query(f"DESCRIBE {select.sql('duckdb')}").to_pylist()
        return str(row["column_type"]), type_named(str(row["column_type"]))

    def is_key(self, table: DraftTable, columns: Collection[str]) -> bool:
        """Tell whether columns tell the rows of a table apart and are never empty."""
        if not columns or not set(columns) <= self.of_table(table):
            return False
        named = [exp.column(name) for name in columns]
        rows = exp.Count(this=exp.Star())
        empty = exp.or_(*(exp.Is(this=one.copy(), expression=exp.Null()) for one in named))
        broken = exp.or_(exp.GT(this=rows, expression=exp.Literal.number(1)), empty)
        groups = exp.select("1").from_(exp.table_(table.physical, db=table.schema))
        query = groups.group_by(*named).having(broken).limit(1)
        found = self.warehouse.query(query.sql("duckdb"))
        return bool(found.num_rows == 0)


def _short(message: str) -> str:
    return message.replace("The engine refuses the statement: ", "").strip()
