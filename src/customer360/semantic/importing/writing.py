"""Writes a settled draft in our own format."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from customer360.semantic.importing.draft import Draft, DraftItem, DraftTable
from customer360.semantic.importing.items import described
from customer360.semantic.importing.sql import write_sql
from customer360.semantic.model import Kind

KEYS: Mapping[Kind, str] = {
    Kind.DIMENSION: "dimensions",
    Kind.TIME: "time_dimensions",
    Kind.FACT: "facts",
    Kind.METRIC: "metrics",
}


def write_model(draft: Draft, *, comment: str) -> str:
    """Return the text of the file."""
    text = yaml.safe_dump(content_of(draft), sort_keys=False, allow_unicode=True, width=120)
    return f"# {comment}\n{text}"


def content_of(draft: Draft) -> dict[str, Any]:
    """Return a draft as a mapping with the keys of our file."""
    relationships = [
        {
            "name": one.name,
            "left_table": one.left,
            "right_table": one.right,
            "relationship_columns": [{"left_column": near, "right_column": far} for near, far in one.pairs],
        }
        for one in draft.relationships
    ]
    content = {
        "name": draft.name,
        "description": draft.description or _words(draft.name),
        "tables": [_table(table) for table in draft.tables],
        "relationships": relationships,
        "metrics": [_item(item) for item in draft.metrics],
        "verified_queries": [query.content for query in draft.queries],
    }
    return described(content | draft.instructions | {"x_nl": draft.x_nl})


def _table(table: DraftTable) -> dict[str, Any]:
    content: dict[str, Any] = {
        "name": table.name,
        "description": table.description or table.label or _words(table.name),
        "synonyms": table.synonyms,
        "base_table": {"database": table.database, "schema": table.schema, "table": table.physical},
        "primary_key": {"columns": table.key},
        "unique_keys": [{"columns": columns} for columns in table.unique_keys],
        "x_nl": table.x_nl,
    }
    content |= {key: [_item(item) for item in table.of_kind(kind)] for kind, key in KEYS.items()}
    return described(content | {"filters": table.filters})


def _item(item: DraftItem) -> dict[str, Any]:
    is_metric = item.kind in (Kind.METRIC, Kind.DERIVED)
    typed = {"data_type": item.data_type}
    extension = described({"label": item.label} | item.x_nl | (typed if is_metric else {}))
    content = {
        "name": item.name,
        "expr": item.text or write_sql(item.tree),
        "data_type": None if is_metric else item.data_type,
        "description": item.description or item.label or _words(item.name),
        "synonyms": item.synonyms,
    }
    return described(content | item.more | {"x_nl": extension})


def _words(name: str) -> str:
    text = name.replace("_", " ").strip().capitalize()
    return f"{text}."
