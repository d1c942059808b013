"""Relationships that our compiler can follow, and the keys that they and it stand on.

Invariant: every table that is left has a key, every relationship points at one and goes from many rows to one, and they
form no circle. Where the source names no key, the report says what stands for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from sqlglot import exp

from customer360.errors import InvalidDefinition, did_you_mean
from customer360.semantic.importing.database import Database
from customer360.semantic.importing.draft import Draft, DraftRelationship, DraftTable
from customer360.semantic.importing.given import NAME
from customer360.semantic.model import ROW_KINDS, Kind

NO_KEY = "No key is named; {columns} stand for it. Name a primary_key by hand, if there is one."
KEY_FOUND = "No key is named; in the database {columns} tells every row apart."
KEY_BROKEN = "The database has rows that agree in {columns}, or lack it; figures by it may count twice."
NO_KEY_AT_ALL = "It has no key: no primary_key, no unique_keys, and no column that could stand for one."
KEY_MISSING = "The database lacks its key {columns}."
NO_TABLE = "It relates {table}, which was not imported."
NEEDS_QUOTES = "Its columns {columns} need quotes; those of our format have plain names."
TO_ITSELF = "It relates a table to itself, which our format cannot say."
IN_A_CIRCLE = "It would close a circle of relationships."
NOT_A_KEY = "It points at {columns}, another key than that of {table}, and the database has rows that agree in them."
JOIN_MISSING = "The database lacks {columns}."


def settle_relationships(draft: Draft, file: Path, database: Database | None) -> None:
    """Keep relationships that our model can follow: to a table that is there, on columns that are, in no circle."""
    kept: list[DraftRelationship] = []
    for one in draft.relationships:
        if reason := _fault(draft, file, one, kept, database):
            draft.lose(one.origin, reason)
        else:
            kept.append(one)
    draft.relationships = kept


def _fault(
    draft: Draft, file: Path, one: DraftRelationship, kept: list[DraftRelationship], database: Database | None
) -> str:
    for name in (one.left, one.right):
        if draft.table(name) is None and name not in draft.gone:
            raise InvalidDefinition(
                f"{file}: {one.origin.path} relates {name!r}, which is no table of the file.",
                next_action=did_you_mean(name, [table.name for table in draft.tables]) or "Name one of its tables.",
                details=[{"field": one.origin.path, "value": name, "message": f"{name!r} is no table"}],
            )
        if draft.table(name) is None:
            return NO_TABLE.format(table=name)
    if quoted := _quoted(name for pair in one.pairs for name in pair):
        return NEEDS_QUOTES.format(columns=quoted)
    if one.left == one.right:
        return TO_ITSELF
    if _reaches(one.right, one.left, kept):
        return IN_A_CIRCLE
    return _missing_columns(draft, one, database) if database else ""


def _missing_columns(draft: Draft, one: DraftRelationship, database: Database) -> str:
    left, right = draft.table(one.left), draft.table(one.right)
    missing = [f"{one.left}.{near}" for near, _ in one.pairs if left and near not in database.of_table(left)]
    missing += [f"{one.right}.{far}" for _, far in one.pairs if right and far not in database.of_table(right)]
    return JOIN_MISSING.format(columns=" and ".join(missing)) if missing else ""


def _reaches(start: str, goal: str, edges: list[DraftRelationship]) -> bool:
    return any(one.left == start and (one.right == goal or _reaches(one.right, goal, edges)) for one in edges)


def settle_keys(draft: Draft, database: Database | None) -> None:
    """Give every table a key, and let relationships point at keys."""
    for table in list(draft.tables):
        _lose_quoted_keys(draft, table)
        _settle_key(draft, table, database)
    for one in list(draft.relationships):
        right, columns = draft.table(one.right), [far for _, far in one.pairs]
        if right is None or set(columns) in [set(key) for key in (right.key, *right.unique_keys)]:
            continue
        if database is not None and not database.is_key(right, columns):
            draft.relationships.remove(one)
            draft.lose(one.origin, NOT_A_KEY.format(columns=" and ".join(columns), table=right.name))
        else:
            right.unique_keys.append(columns)
    _lose_unjoined(draft)


def _quoted(names: Iterable[str]) -> str:
    return " and ".join(name for name in names if not NAME.fullmatch(name))


def _lose_quoted_keys(draft: Draft, table: DraftTable) -> None:
    if quoted := _quoted(table.key):
        table.key = []
        draft.note(table.origin, "primary_key", NEEDS_QUOTES.format(columns=quoted))
    if quoted := _quoted(name for key in table.unique_keys for name in key):
        table.unique_keys = [key for key in table.unique_keys if not _quoted(key)]
        draft.note(table.origin, "unique_keys", NEEDS_QUOTES.format(columns=quoted))


def _settle_key(draft: Draft, table: DraftTable, database: Database | None) -> None:
    table.is_keyed = bool(table.key)
    if table.key and database is not None:
        _hold_key(draft, table, database)
    if table.key or draft.table(table.name) is None:
        return
    for columns, reason in _stand_ins(draft, table, database):
        if database is None or database.is_key(table, columns):
            table.key, table.is_keyed = columns, database is not None
            if reason:
                draft.note(table.origin, "primary_key", reason.format(columns=", ".join(columns)))
            return
    table.key = _all_columns(draft, table, database)
    if table.key:
        draft.note(table.origin, "primary_key", NO_KEY.format(columns=", ".join(table.key)))
    else:
        draft.drop_table(table, NO_KEY_AT_ALL)


def _hold_key(draft: Draft, table: DraftTable, database: Database) -> None:
    missing = [name for name in table.key if name not in database.of_table(table)]
    if missing:
        draft.drop_table(table, KEY_MISSING.format(columns=" and ".join(missing)))
    elif not database.is_key(table, table.key):
        table.is_keyed = False
        draft.note(table.origin, "primary_key", KEY_BROKEN.format(columns=" and ".join(table.key)))


def _stand_ins(draft: Draft, table: DraftTable, database: Database | None) -> Iterator[tuple[list[str], str]]:
    """Yield what may be a table's key, the surest first: said to be one, pointed at, found to be one, all there is."""
    yield from ((key, "") for key in table.unique_keys)
    fields = [item for item in table.of_kind(*ROW_KINDS) if isinstance(item.tree, exp.Column)]
    columns = [item for item in fields if NAME.fullmatch(item.tree.name)]
    yield from (([item.tree.name], "") for item in columns if item.more.get("unique"))
    yield from (([far for _, far in one.pairs], "") for one in draft.relationships if one.right == table.name)
    names = [item.tree.name for item in columns if item.kind is not Kind.FACT] if database is not None else []
    yield from (([name], KEY_FOUND) for name in dict.fromkeys(names))


def _all_columns(draft: Draft, table: DraftTable, database: Database | None) -> list[str]:
    """Return the columns of a table that are no numbers, with those that relate it: all that could tell rows apart.

    Where rows agree in them, nothing is counted twice: relationships point at keys that are known to be ones.
    """
    near = [near for one in draft.relationships if one.left == table.name for near, _ in one.pairs]
    fields = [item.tree for item in table.of_kind(Kind.DIMENSION, Kind.TIME)]
    names = [column.name for tree in fields for column in tree.find_all(exp.Column)]
    known = database.of_table(table) if database is not None else None
    plain = [name for name in dict.fromkeys([*near, *names]) if NAME.fullmatch(name)]
    return [name for name in plain if known is None or name in known]


def _lose_unjoined(draft: Draft) -> None:
    """Take out relationships of tables that turned out to have no key."""
    for one in list(draft.relationships):
        gone = [name for name in (one.left, one.right) if draft.table(name) is None]
        if gone:
            draft.relationships.remove(one)
            draft.lose(one.origin, NO_TABLE.format(table=gone[0]))
