"""What a build holds that questions may name: values of text fields, the newest and the oldest day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime

from sqlglot import exp

from customer360.ask.lexicon import date_of
from customer360.semantic import Item, Kind, SemanticModel, build_query, compile_query
from customer360.warehouse import Warehouse

MAX_VALUES = 5_000
MAX_LENGTH = 80


def read_values(warehouse: Warehouse, model: SemanticModel, *, schema_suffix: str = "") -> dict[str, tuple[str, ...]]:
    """Return the values of every text dimension that has at most ``MAX_VALUES`` of them, by its full name.

    A complete list in the model is taken at its word where the value is computed, such as the day of the week: to read
    it again from every row would take longer than all the others together. Any other list adds what no row has, so that
    a question may name it.
    """
    found: dict[str, tuple[str, ...]] = {}
    for item, listed in _text_dimensions(model):
        if listed and not isinstance(item.expression, exp.Column):
            found[item.full_name] = listed
            continue
        query = build_query(dimensions=[item.full_name], limit=MAX_VALUES + 1)
        compiled = compile_query(model, query, warehouse.dialect, schema_suffix=schema_suffix)
        values = warehouse.query(compiled.sql, compiled.parameters).column(0).to_pylist()
        if len(values) <= MAX_VALUES:
            known = [one for one in values if one and len(one) <= MAX_LENGTH]
            found[item.full_name] = tuple(dict.fromkeys([*known, *_promised(listed, known)]))
    return found


def read_days(
    warehouse: Warehouse, model: SemanticModel, *, schema_suffix: str = ""
) -> tuple[date | None, date | None]:
    """Return the oldest and the newest day of what the model's things did.

    That is the activity of the first table that has one, or else the dates of all tables.
    """
    tables = {table.name: table.x_nl for table in model.definition.tables if table.x_nl.asked}
    active = [one.activity for one in tables.values() if one.activity]
    dates = [date_of(model, name) for name in (active[:1] or tables)]
    found = [_days_of(warehouse, model, field, schema_suffix) for field in dict.fromkeys(dates) if field]
    oldest, newest = ([day for day in days if day] for days in zip(*found, strict=True)) if found else ([], [])
    return min(oldest, default=None), max(newest, default=None)


def _days_of(
    warehouse: Warehouse, model: SemanticModel, field: str, schema_suffix: str
) -> tuple[date | None, date | None]:
    query = build_query(metrics=[f"min({field})", f"max({field})"])
    compiled = compile_query(model, query, warehouse.dialect, schema_suffix=schema_suffix)
    [row] = warehouse.query(compiled.sql, compiled.parameters).to_pylist()
    oldest, newest = (one.date() if isinstance(one, datetime) else one for one in row.values())
    return oldest, newest


def _promised(listed: tuple[str, ...], known: list[str]) -> list[str]:
    """Return the values that the model says a dimension has and that no row has, in whatever case."""
    folded = {one.casefold() for one in known}
    return [one for one in listed if one.casefold() not in folded]


def _text_dimensions(model: SemanticModel) -> Iterator[tuple[Item, tuple[str, ...]]]:
    """Yield the text fields that questions name values of, with those that the model says are all there are."""
    for table in model.definition.tables:
        if not table.x_nl.asked:
            continue
        for one in table.dimensions:
            is_text = one.data_type in ("VARCHAR", "TEXT")
            if is_text and one.x_nl.asked and not one.unique and not one.name.endswith(("_id", "_key")):
                item = model.get_item(f"{table.name}.{one.name}", frozenset({Kind.DIMENSION}), role="dimension")
                yield item, one.sample_values if one.is_enum else ()
