"""Compares two builds value for value, without regard to the order of rows.

Decimals and everything else count exactly, floats to 1e-9: DuckDB files of the same data differ from run to run, their
table hashes do not.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import duckdb
from sqlglot import exp

from customer360.warehouse.builds import FILE, BuildRecord, Builds

FLOATS = ("DOUBLE", "FLOAT")


@dataclass(frozen=True)
class TableDifference:
    """How one table differs between two builds; counts are rows, ``columns`` counts changed values."""

    table: str
    rows_before: int | None
    rows_after: int | None
    added: int = 0
    removed: int = 0
    changed: int = 0
    columns: dict[str, int] = field(default_factory=dict)

    @property
    def is_same(self) -> bool:
        """Tell whether the table holds the same rows in both."""
        return self.rows_before == self.rows_after and not (self.added or self.removed or self.changed)


def diff_builds(builds: Builds, before: str, after: str) -> list[TableDifference]:
    """Compare every table of two builds, holding both while it reads."""
    with builds.hold(before) as old, builds.hold(after) as new, duckdb.connect() as connection:
        _attach(connection, builds.folder(before) / FILE, "before")
        _attach(connection, builds.folder(after) / FILE, "after")
        names = sorted({*old.tables, *new.tables})
        return [_compare(connection, name, old, new) for name in names]


def table_hash(connection: duckdb.DuckDBPyConnection, table: exp.Table) -> tuple[int, int]:
    """Return a table's number of rows and an order-free hash of them."""
    columns = _columns(connection, table)
    query = exp.select(exp.Count(this=exp.Star()), exp.Sum(this=_row_hash(columns))).from_(table)
    [(rows, total)] = connection.execute(query.sql(dialect="duckdb")).fetchall()
    return rows, int(total or 0)


def _attach(connection: duckdb.DuckDBPyConnection, path: Path, name: str) -> None:
    escaped = str(path).replace("'", "''")
    connection.execute(f"ATTACH '{escaped}' AS {name} (READ_ONLY)")


def _compare(
    connection: duckdb.DuckDBPyConnection, name: str, before: BuildRecord, after: BuildRecord
) -> TableDifference:
    old, new = before.tables.get(name), after.tables.get(name)
    if old is None or new is None:
        return TableDifference(
            name,
            old["rows"] if old else None,
            new["rows"] if new else None,
            added=new["rows"] if new else 0,
            removed=old["rows"] if old else 0,
        )
    schema, table = name.split(".")
    sides = [exp.table_(table, db=schema, catalog=side) for side in ("before", "after")]
    if table_hash(connection, sides[0]) == table_hash(connection, sides[1]):
        return TableDifference(name, old["rows"], new["rows"])
    return _changes(connection, TableDifference(name, old["rows"], new["rows"]), sides, new["primary_key"])


def _changes(
    connection: duckdb.DuckDBPyConnection, difference: TableDifference, sides: list[exp.Table], key: list[str]
) -> TableDifference:
    """Count the rows added, removed and changed by primary key, and the changed values of each column."""
    shared = [name for name in _columns(connection, sides[0]) if name in _columns(connection, sides[1])]
    values = [name for name in shared if name not in key]
    joined = exp.and_(*(exp.NullSafeEQ(this=exp.column(c, "b"), expression=exp.column(c, "a")) for c in key))
    differs = {c: exp.NullSafeNEQ(this=exp.column(c, "b"), expression=exp.column(c, "a")) for c in values}
    missing = {side: exp.column(key[0], side).is_(exp.null()) for side in ("b", "a")}
    both = exp.and_(missing["b"].not_(), missing["a"].not_())
    counts: list[exp.Expr] = [
        exp.CountIf(this=missing["b"]),
        exp.CountIf(this=missing["a"]),
        exp.CountIf(this=exp.and_(both.copy(), exp.or_(exp.false(), *differs.values()))),
        *(exp.CountIf(this=exp.and_(both.copy(), test.copy())) for test in differs.values()),
    ]
    query = exp.select(*counts).from_(sides[0].as_("b")).join(sides[1].as_("a"), on=joined, join_type="full outer")
    [(added, removed, changed, *by_column)] = connection.execute(query.sql(dialect="duckdb")).fetchall()
    columns = {name: count for name, count in zip(values, by_column, strict=True) if count}
    return TableDifference(
        difference.table, difference.rows_before, difference.rows_after, added, removed, changed, columns
    )


def _columns(connection: duckdb.DuckDBPyConnection, table: exp.Table) -> dict[str, str]:
    relation = connection.sql(exp.select("*").from_(table).limit(0).sql(dialect="duckdb"))
    return dict(zip(relation.columns, map(str, relation.types), strict=True))


def _row_hash(columns: dict[str, str]) -> exp.Expr:
    values = [
        exp.Round(this=exp.column(name), decimals=exp.Literal.number(9)) if kind in FLOATS else exp.column(name)
        for name, kind in columns.items()
    ]
    return exp.func("hash", *values)
