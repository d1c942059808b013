"""What has changed in a table between two builds, row by row: the feed that change streams read.

Modelled on Snowflake's standard streams: a row that came is an INSERT, one that left a DELETE; one whose primary key
stayed and whose values changed is both, with ``_is_update``. Rows are compared as :mod:`compare` does, floats to 1e-9.

Invariant: whoever applies the changes to the table of the earlier build has the table of the published one. Rows have
the columns and types of the latter; a value that the earlier build does not have, or not in such a type, is null.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
from sqlglot import exp

from customer360.errors import Conflict, Gone, NotFound, did_you_mean
from customer360.warehouse.builds import BuildRecord, Builds
from customer360.warehouse.compare import attached, columns_of, row_hash, same_key, table_hash, table_of

ACTION, IS_UPDATE = "_action", "_is_update"
HASH = "_hash"


@dataclass
class ChangeCounts:
    """Rows by what happened to them; an updated row counts once."""

    inserted: int = 0
    updated: int = 0
    deleted: int = 0

    @property
    def changed(self) -> int:
        """Rows of the table that are no longer what they were."""
        return self.inserted + self.updated + self.deleted

    @property
    def rows(self) -> int:
        """Rows of the feed: an update is two."""
        return self.changed + self.updated

    def add(self, batch: pa.RecordBatch) -> None:
        """Count the rows of one batch of a feed."""
        is_insert, is_update = pc.equal(batch[ACTION], "INSERT"), batch[IS_UPDATE]
        self.inserted += _count(pc.and_not(is_insert, is_update))
        self.updated += _count(pc.and_(is_insert, is_update))
        self.deleted += _count(pc.invert(pc.or_(is_insert, is_update)))


@dataclass
class Changes:
    """What has changed in a table; iterating reads it once, batch by batch, and counts what passes."""

    since: str
    """Build that was read before; empty where none was."""
    build_id: str
    primary_key: list[str]
    added_columns: list[str]
    """Columns that only the published build has: null in rows of the earlier one."""
    dropped_columns: list[str]
    """Columns that only the earlier build has: left out."""
    reader: pa.RecordBatchReader
    counts: ChangeCounts = field(default_factory=ChangeCounts)

    @property
    def schema(self) -> pa.Schema:
        """``_action``, ``_is_update``, then the columns of the table."""
        return self.reader.schema

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        for batch in self.reader:
            self.counts.add(batch)
            yield batch


@contextmanager
def open_changes(builds: Builds, stream: str, *, table: str, since: str) -> Iterator[Changes]:
    """Read what a stream has not read yet: how its table differs between the build ``since`` and the published one.

    Both builds are held while the block reads. Rows come by primary key, the old row of an update before the new one;
    where ``since`` is empty, every row of the published build is an INSERT, in no order.

    Raises:
        Gone: the build ``since`` was pruned.
        NotFound: the published build has no such table.
        Conflict: the table's primary key is not what it was.
        Unavailable: nothing is published.
    """
    current = builds.current_id()
    if since and not builds.is_kept(since):
        raise Gone(
            f"The stream {stream!r} has read {table} up to build {since}, which was pruned, so what has changed "
            "since cannot be told.",
            code="stream_stale",
            next_action=_start_anew(stream, table),
        )
    sides = {"after": current} if since in ("", current) else {"after": current, "before": since}
    with attached(builds, tables={table}, **sides) as (connection, records):
        key = primary_key(records["after"], table)
        new = columns_of(connection, table_of("after", table))
        old = new
        if "before" in records:
            old = _columns_before(connection, records["before"], table, {name: new[name] for name in key}, stream)
        if not since:
            query = _insert_all(table, new)
        elif old == new and (since == current or _hashes_agree(connection, table)):
            query = _insert_all(table, new).limit(0)
        else:
            query = _differences(table, key, old, new)
        yield Changes(
            since,
            current,
            key,
            added_columns=[name for name in new if name not in old],
            dropped_columns=[name for name in old if name not in new],
            reader=connection.sql(query.sql(dialect="duckdb")).to_arrow_reader(),
        )


def primary_key(record: BuildRecord, table: str) -> list[str]:
    """Return the columns that name a row of a build's table.

    Raises:
        NotFound: the build has no such table, or it has no primary key.
    """
    if table not in record.tables:
        raise NotFound(
            f"Build {record.build_id} has no table {table!r} with a primary key.",
            code="table_not_found",
            next_action=did_you_mean(table, record.tables),
        )
    key: list[str] = record.tables[table]["primary_key"]
    return key


def _columns_before(
    connection: duckdb.DuckDBPyConnection, record: BuildRecord, table: str, key: dict[str, str], stream: str
) -> dict[str, str]:
    """Return the table's columns in the earlier build, whose rows need the key of the published one to be matched."""
    had = record.tables.get(table, {}).get("primary_key")
    old = columns_of(connection, table_of("before", table)) if had == list(key) else {}
    if any(old.get(name) != kind for name, kind in key.items()):
        raise Conflict(
            f"The primary key of {table} is now {', '.join(key)}, which it was not in build {record.build_id}, or not "
            "in this type: their rows cannot be matched.",
            code="stream_key_changed",
            next_action=_start_anew(stream, table),
        )
    return old


def _start_anew(stream: str, table: str) -> str:
    return (
        f"customer360 changes reset {stream} goes on from the published build. To read every row again: "
        f"customer360 changes drop {stream}, then customer360 changes create {stream} --table {table} --from-start."
    )


def _hashes_agree(connection: duckdb.DuckDBPyConnection, table: str) -> bool:
    before, after = (table_hash(connection, table_of(side, table)) for side in ("before", "after"))
    return before == after


def _insert_all(table: str, columns: dict[str, str]) -> exp.Query:
    return exp.select(*_marks("INSERT", exp.false()), *map(exp.column, columns)).from_(table_of("after", table))


def _differences(table: str, key: list[str], old: dict[str, str], new: dict[str, str]) -> exp.Query:
    """Find the keys whose rows differ by comparing hashes, then read those rows from both sides."""
    before = exp.select(*(_as_now(c, old.get(c), kind) for c, kind in new.items())).from_(table_of("before", table))
    after = exp.select(*map(exp.column, new)).from_(table_of("after", table))
    rows = {"DELETE": before.subquery("r"), "INSERT": after.subquery("r")}
    changed = exp.column(IS_UPDATE, "c")
    feed = [
        exp.select(*_marks(action, changed), *(exp.column(c, "r") for c in new))
        .from_(exp.table_("changed").as_("c"))
        .join(side, on=same_key(key, "c", "r"))
        for action, side in rows.items()
    ]
    return (
        exp.union(*feed, distinct=False)
        .with_("changed", as_=_changed_keys(before, after, key, new))
        .order_by(*key, ACTION)
    )


def _changed_keys(before: exp.Select, after: exp.Select, key: list[str], columns: dict[str, str]) -> exp.Select:
    hashed = [
        exp.select(*map(exp.column, key), row_hash(columns).as_(HASH)).from_(side.subquery())
        for side in (before, after)
    ]
    b, a = exp.column(HASH, "b"), exp.column(HASH, "a")
    return (
        exp.select(
            *(exp.func("coalesce", exp.column(c, "b"), exp.column(c, "a")).as_(c) for c in key),
            exp.and_(b.is_(exp.null()).not_(), a.is_(exp.null()).not_()).as_(IS_UPDATE),
        )
        .from_(hashed[0].subquery("b"))
        .join(hashed[1].subquery("a"), on=same_key(key, "b", "a"), join_type="full outer")
        .where(exp.NullSafeNEQ(this=b, expression=a))
    )


def _as_now(name: str, was: str | None, kind: str) -> exp.Expr:
    """Return a column of the earlier build in the type that it has in the published one."""
    if was == kind:
        return exp.column(name)
    value = exp.column(name) if was else exp.null()
    return exp.TryCast(this=value, to=exp.DataType.build(kind, dialect="duckdb")).as_(name)


def _marks(action: str, is_update: exp.Expr) -> tuple[exp.Expr, exp.Expr]:
    return exp.Literal.string(action).as_(ACTION), exp.alias_(is_update, IS_UPDATE)


def _count(mask: pa.BooleanArray) -> int:
    return int(pc.sum(mask).as_py() or 0)
