"""What our questions need and the source does not say, as far as it follows from it; nothing is guessed about units.

Rows can always be counted; a count counts; a table with one date is asked by that date; a list shows the key, names and
that date. Who does things is only said where a single table is pointed at by dated rows.
"""

from __future__ import annotations

from sqlglot import exp

from customer360.semantic.importing.draft import Draft, DraftItem, DraftRelationship, DraftTable, Origin
from customer360.semantic.importing.sql import read_sql, write_sql
from customer360.semantic.importing.types import WHOLE
from customer360.semantic.model import ROW_KINDS, Kind

SHOWN_FIELDS = 6
ADDED = Origin("", "")
MODEL = Origin("", "")
IDLE = "It names {name}, which is not in the model."


def fill_defaults(draft: Draft) -> None:
    """Add to each table what a question about it means where it names no measure and no date."""
    _lose_idle(draft)
    for table in draft.tables:
        counted = _row_count(table) or _add_row_count(table)
        _say(table.x_nl, "default_metric", counted.name)
        dates = [item.name for item in table.of_kind(Kind.TIME) if item.x_nl.get("asked", True)]
        if len(dates) == 1:
            _say(table.x_nl, "default_time_dimension", dates[0])
        _say(table.x_nl, "row_fields", _shown(table))
        for item in table.of_kind(Kind.METRIC):
            if isinstance(item.tree, exp.Count):
                _say(item.x_nl, "unit", "count")
    _ask_by_coarser_dates(draft)
    _say_who_acts(draft)


def _lose_idle(draft: Draft) -> None:
    """Take out defaults of the source that name what is not there."""
    metrics = {item.name for _, item in draft.items() if item.kind is Kind.METRIC}
    known: list[tuple[dict[str, object], str, set[str], Origin]] = [
        (draft.x_nl, "default_metric", metrics | {item.name for item in draft.metrics}, MODEL)
    ]
    for table in draft.tables:
        dates = {item.name for item in table.of_kind(Kind.TIME)}
        dates |= {f"{one.name}.{item.name}" for one in draft.tables for item in one.of_kind(Kind.TIME)}
        own = {item.name for item in table.of_kind(Kind.METRIC)}
        known.append((table.x_nl, "default_time_dimension", dates, table.origin))
        known.append((table.x_nl, "default_metric", own, table.origin))
        known.append((table.x_nl, "activity", {one.name for one in draft.tables}, table.origin))
    for block, key, names, origin in known:
        if block.get(key) and block[key] not in names:
            draft.note(origin, f"x_nl.{key}", IDLE.format(name=block.pop(key)))


def _row_count(table: DraftTable) -> DraftItem | None:
    counts = [item for item in table.of_kind(Kind.METRIC) if write_sql(item.tree) == "COUNT(*)"]
    return next((item for item in counts if item.x_nl.get("asked", True)), None)


def _add_row_count(table: DraftTable) -> DraftItem:
    words = table.name.replace("_", " ")
    item = DraftItem(Kind.METRIC, table.free(f"number_of_{table.name}"), read_sql("COUNT(*)"), ADDED, "COUNT(*)")
    item.label, item.description, item.data_type = f"Number of {words}", f"How many rows {words} has.", WHOLE
    table.items.append(item)
    return item


def _shown(table: DraftTable) -> list[str]:
    """Return what a list of rows shows: the key, names, the date; or the first fields where there are none."""
    fields = [item for item in table.of_kind(*ROW_KINDS) if item.x_nl.get("asked", True)]
    keys = [one.name for one in fields if isinstance(one.tree, exp.Column) and one.tree.name in table.key]
    names = [one.name for one in fields if one.name.split("_")[-1] in ("name", "title")]
    dates = [one.name for one in fields if one.name == table.x_nl.get("default_time_dimension")]
    return list(dict.fromkeys([*keys, *names, *dates]))[:SHOWN_FIELDS] or [one.name for one in fields][:SHOWN_FIELDS]


def _ask_by_coarser_dates(draft: Draft) -> None:
    """Ask parts of a thing, whose key holds that of the whole, by the date of the whole: lines by that of the order."""
    for table in draft.tables:
        if table.of_kind(Kind.TIME) or table.x_nl.get("default_time_dimension"):
            continue
        wholes = [one.right for one in draft.relationships if one.left == table.name and _is_part(one, table)]
        dates = [f"{name}.{date}" for name in wholes if (date := _own_date(draft, name))]
        _say(table.x_nl, "default_time_dimension", dates[0] if len(dates) == 1 else "")


def _is_part(relationship: DraftRelationship, table: DraftTable) -> bool:
    near = {one for one, _ in relationship.pairs}
    return near < set(table.key)


def _own_date(draft: Draft, name: str) -> str:
    table = draft.table(name)
    date = str(table.x_nl.get("default_time_dimension", "")) if table else ""
    return "" if "." in date else date


def _say_who_acts(draft: Draft) -> None:
    """Name what the rows of one table did, where nobody has: the dated rows that point at it and at no such other.

    Where several tables are pointed at, it is the one whose rows a metric counts among those that point: buyers.
    """
    if any(table.x_nl.get("activity") for table in draft.tables):
        return
    dated = {table.name for table in draft.tables if _own_date(draft, table.name)}
    near = {one.left for one in draft.relationships}
    ends = [one for one in draft.relationships if one.left in dated and one.right not in near]
    counted = [one for one in ends if _counts(draft, one)]
    chosen = ends if len(ends) == 1 else counted
    table = draft.table(chosen[0].right) if len(chosen) == 1 else None
    if table is not None:
        table.x_nl["activity"] = chosen[0].left


def _counts(draft: Draft, relationship: DraftRelationship) -> bool:
    """Tell whether a metric of the left table counts the different rows of the right one that it points at."""
    table, columns = draft.table(relationship.left), [near for near, _ in relationship.pairs]
    counts = (
        [item.tree.this for item in table.of_kind(Kind.METRIC) if isinstance(item.tree, exp.Count)] if table else []
    )
    distinct = [one.expressions for one in counts if isinstance(one, exp.Distinct)]
    return any([column.name for column in one] == columns for one in distinct)


def _say(block: dict[str, object], key: str, value: object) -> None:
    if value:
        block.setdefault(key, value)
