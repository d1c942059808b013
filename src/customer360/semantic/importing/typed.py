"""Types of everything that is left: what the database has, or what the source says, or what follows from both.

Invariant: a type that had to be assumed is reported, because a figure would be cut to it.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from customer360.semantic.importing.database import Database
from customer360.semantic.importing.draft import Draft, DraftItem, DraftTable
from customer360.semantic.importing.sql import NotImported, write_sql
from customer360.semantic.importing.types import DAYS, FLOAT, TEXT, WHOLE, is_numeric, type_of
from customer360.semantic.model import ROW_KINDS, Kind

SOME_NUMBER = "It is some number there; {assumed} is assumed. With --database the type is read."
ASSUMED = "Nobody says its type; {assumed} is assumed. With --database it is read."
OTHER_TYPE = "The database has it as {found}."
NO_TYPE_HERE = "The database has it as {found}, a type that our format has not."
_ONLY_DIMENSIONS = ("is_enum", "unique")


def settle_fields(draft: Draft, database: Database | None) -> None:
    """Find the types of dimensions and facts, and put each where its type belongs."""
    for table, item in draft.items():
        if item.kind in ROW_KINDS:
            _settle(draft, table, item, database, {})


def settle_metrics(draft: Draft, database: Database | None) -> None:
    """Find the types of metrics, given those of the columns that fields are, and then those of formulas."""
    for table in list(draft.tables):
        fields = table.of_kind(*ROW_KINDS)
        known = {str(one.tree.sql()): one.data_type for one in fields if one.data_type and not one.is_assumed}
        for item in table.of_kind(Kind.METRIC):
            _settle(draft, table, item, database, known)
    metrics = [(table, item) for table, item in draft.items() if item.kind is Kind.METRIC]
    made = {f"{table.name}.{item.name}": item.data_type for table, item in metrics if item.data_type}
    for item in draft.metrics:
        item.data_type = item.data_type or type_of(item.tree, made) or FLOAT


def _settle(
    draft: Draft, table: DraftTable, item: DraftItem, database: Database | None, columns: Mapping[str, str]
) -> None:
    if database is not None:
        _hold(draft, table, item, database)
    elif item.data_type is None:
        inferred = type_of(item.tree, columns)
        if inferred is None:
            reason = SOME_NUMBER if item.is_number else ASSUMED
            draft.note(item.origin, "data_type", reason.format(assumed=_usual(item)))
            item.is_assumed = True
        _set(item, inferred or _usual(item))


def _hold(draft: Draft, table: DraftTable, item: DraftItem, database: Database) -> None:
    """Take the type that the database has, unless what is declared can hold the same."""
    try:
        _without_cast(table, item, database)
        raw, found = database.find_type(table, item.tree)
    except NotImported as reason:
        draft.drop_item(table, item, str(reason))
        return
    if found is None:
        draft.drop_item(table, item, NO_TYPE_HERE.format(found=raw))
        return
    if item.data_type is None:
        _set(item, WHOLE if item.kind is Kind.METRIC and found == "INTEGER" else found)
    elif not _holds(item.data_type, found):
        draft.note(item.origin, "data_type", OTHER_TYPE.format(found=found))
        _set(item, found)


def _without_cast(table: DraftTable, item: DraftItem, database: Database) -> None:
    """Leave out a cast to what the database has anyway."""
    inner = item.tree.this if isinstance(item.tree, exp.Cast) else None
    if isinstance(inner, exp.Column) and database.find_type(table, inner)[1] == type_of(item.tree, {}):
        item.tree, item.text = inner.copy(), write_sql(inner)


def _holds(declared: str, found: str) -> bool:
    """Tell whether a declared type is as good as the one that the database has."""
    if is_numeric(declared) and is_numeric(found):
        return declared == found or not (declared in ("INTEGER", WHOLE) and found not in ("INTEGER", WHOLE))
    return (TEXT if declared == "TEXT" else declared) == found


def _set(item: DraftItem, data_type: str) -> None:
    item.data_type = data_type
    if item.kind is Kind.METRIC:
        return
    if data_type in DAYS:
        item.kind = Kind.TIME
        item.more = {key: value for key, value in item.more.items() if key not in _ONLY_DIMENSIONS}
    elif item.kind is Kind.TIME or (item.kind is Kind.FACT and not is_numeric(data_type)):
        item.kind = Kind.DIMENSION


def _usual(item: DraftItem) -> str:
    if item.is_number:
        return FLOAT
    return {Kind.TIME: "TIMESTAMP", Kind.DIMENSION: TEXT}.get(item.kind, FLOAT)
