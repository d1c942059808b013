"""Compares two builds value for value, without regard to the order of rows.

Decimals and everything else count exactly, floats to 1e-9: DuckDB files of the same data differ from run to run, their
table hashes do not.
"""

from __future__ import annotations

from collections.abc import Iterator, Set
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import duckdb
from sqlglot import exp

from customer360.warehouse.builds import BuildRecord, Builds

FLOATS = ("DOUBLE", "FLOAT")
JSON_TEXTS: dict[str, frozenset[str]] = {"silver.rejects": frozenset({"payload"})}


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
    with attached(builds, before=before, after=after) as (connection, records):
        old, new = records["before"], records["after"]
        names = sorted({*old.tables, *new.tables})
        return [_compare(connection, name, old, new) for name in names]


def diff_engines(before: Builds, after: Builds) -> Iterator[TableDifference]:
    """Compare every table of the builds that two engines have published, one after the other.

    What the second engine has is cast to the types of the first. Texts of JSON are left out: their form is each
    engine's own.

    Raises:
        Gone: a build was pruned.
    """
    with ExitStack() as stack:
        old = stack.enter_context(before.hold(before.current_id()))
        new = stack.enter_context(after.hold(after.current_id()))
        connection = stack.enter_context(duckdb.connect(config=before.engine_limits))
        before.attach(connection, "before", old, old.tables)
        for name in sorted({*old.tables, *new.tables}):
            if name in old.tables and name in new.tables:
                after.attach(connection, "after", new, {name})
                _cast_as_before(connection, name)
                yield _compare(connection, name, old, new, left_out=JSON_TEXTS.get(name, frozenset()))
                connection.execute("DETACH after")
            else:
                yield _compare(connection, name, old, new)


def _cast_as_before(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    before, after = (table_of(side, name) for side in ("before", "after"))
    wanted = columns_of(connection, before)
    for column, kind in columns_of(connection, after).items():
        if column in wanted and wanted[column] != kind:
            connection.execute(f'ALTER TABLE {after.sql("duckdb")} ALTER "{column}" SET DATA TYPE {wanted[column]}')


@contextmanager
def attached(
    builds: Builds, *, tables: Set[str] | None = None, **sides: str
) -> Iterator[tuple[duckdb.DuckDBPyConnection, dict[str, BuildRecord]]]:
    """Attach builds read-only, each by the name of its side, and hold them while the block reads.

    ``tables`` are those that will be read: all, where they are not named.

    Raises:
        Gone: a build was pruned.
    """
    with ExitStack() as stack:
        records = {side: stack.enter_context(builds.hold(build_id)) for side, build_id in sides.items()}
        connection = stack.enter_context(duckdb.connect(config=builds.engine_limits))
        for side in sides:
            record = records[side]
            builds.attach(connection, side, record, record.tables if tables is None else tables & record.tables.keys())
        yield connection, records


def table_of(side: str, name: str) -> exp.Table:
    """Return the ``schema.table`` of one side."""
    schema, table = name.split(".")
    return exp.table_(table, db=schema, catalog=side)


def table_hash(
    connection: duckdb.DuckDBPyConnection, table: exp.Table, *, left_out: Set[str] = frozenset()
) -> tuple[int, int]:
    """Return a table's number of rows and an order-free hash of their values, some columns left out."""
    columns = {name: kind for name, kind in columns_of(connection, table).items() if name not in left_out}
    query = exp.select(exp.Count(this=exp.Star()), exp.Sum(this=row_hash(columns))).from_(table)
    [(rows, total)] = connection.execute(query.sql(dialect="duckdb")).fetchall()
    return rows, int(total or 0)


def _compare(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    before: BuildRecord,
    after: BuildRecord,
    *,
    left_out: Set[str] = frozenset(),
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
    sides = [table_of("before", name), table_of("after", name)]
    hashes = [table_hash(connection, side, left_out=left_out) for side in sides]
    if hashes[0] == hashes[1]:
        return TableDifference(name, old["rows"], new["rows"])
    found = TableDifference(name, old["rows"], new["rows"])
    return _changes(connection, found, sides, new["primary_key"], left_out)


def _changes(
    connection: duckdb.DuckDBPyConnection,
    difference: TableDifference,
    sides: list[exp.Table],
    key: list[str],
    left_out: Set[str],
) -> TableDifference:
    """Count the rows added, removed and changed by primary key, and the changed values of each column."""
    old, new = (columns_of(connection, side) for side in sides)
    values = [name for name in old if name in new and name not in key and name not in left_out]
    joined = same_key(key, "b", "a")
    differs = {
        c: exp.NullSafeNEQ(this=_comparable(c, old[c], "b"), expression=_comparable(c, new[c], "a")) for c in values
    }
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


def columns_of(connection: duckdb.DuckDBPyConnection, table: exp.Table) -> dict[str, str]:
    """Return the types of a table's columns, by name."""
    relation = connection.sql(exp.select("*").from_(table).limit(0).sql(dialect="duckdb"))
    return dict(zip(relation.columns, map(str, relation.types), strict=True))


def same_key(key: list[str], one: str, other: str) -> exp.Expr:
    """Return the condition that rows of two aliases have one key."""
    return exp.and_(*(exp.NullSafeEQ(this=exp.column(c, one), expression=exp.column(c, other)) for c in key))


def row_hash(columns: dict[str, str]) -> exp.Expr:
    """Return the hash of a row's values; it is never null."""
    return exp.func("hash", *(_comparable(name, kind) for name, kind in columns.items()))


def _comparable(name: str, kind: str, alias: str | None = None) -> exp.Expr:
    column = exp.column(name, alias)
    return exp.Round(this=column, decimals=exp.Literal.number(9)) if kind in FLOATS else column
