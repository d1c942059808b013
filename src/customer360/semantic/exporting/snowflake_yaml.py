"""The YAML that Cortex Analyst and ``SYSTEM$CREATE_SEMANTIC_VIEW_FROM_YAML`` read.

Invariant: only keys that the public specification knows are written, each where it knows them. Our file has the same
form, so what is lost are the extension blocks, ``x_…``, and keys that the format has for other things only.
https://docs.snowflake.com/en/user-guide/views-semantic/semantic-view-yaml-spec
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from customer360.semantic.exporting.parts import Export, read_parts
from customer360.semantic.exporting.sql import (
    SHADOWED,
    UNREADABLE,
    find_snowflake_text,
    is_shadowed,
    refuse_reserved,
    snowflake_text,
)
from customer360.semantic.model import SemanticModel
from customer360.semantic.parts import Part, reasons

MODEL = ("name", "description")
TABLE = ("name", "description", "synonyms", "base_table", "primary_key", "unique_keys")
COLUMN = ("name", "synonyms", "description", "expr", "data_type")
ITEMS: Mapping[str, tuple[str, ...]] = {
    "dimensions": (*COLUMN, "unique", "sample_values", "is_enum", "labels", "cortex_search_service", "tags"),
    "time_dimensions": (*COLUMN, "unique", "sample_values"),
    "facts": (*COLUMN, "sample_values", "access_modifier", "labels", "tags"),
    "metrics": (
        *("name", "synonyms", "description", "expr"),
        *("access_modifier", "non_additive_dimensions", "using_relationships", "tags"),
    ),
}
FILTER = ("name", "synonyms", "description", "expr")
RELATIONSHIP = ("name", "left_table", "right_table", "relationship_columns")
DERIVED = ("name", "synonyms", "description", "expr", "access_modifier", "tags")
VERIFIED = ("name", "question", "sql", "verified_at", "verified_by", "use_as_onboarding_question")
INSTRUCTIONS = ("custom_instructions", "module_custom_instructions")

REASON = reasons(
    {
        "x_nl.data_type": "Metrics have no type there; Snowflake infers it.",
        "x_nl.unit": "Cortex Analyst has no key for it; a sum that counts is null there, not zero, where nothing is.",
        "x_nl": "Cortex Analyst has no key for it.",
    },
    "The specification has no such key in this place.",
)


def to_snowflake_yaml(model: SemanticModel, *, database: str | None = None) -> Export:
    """Return the model for Cortex Analyst, its tables in another database if one is named."""
    refuse_reserved(model)
    file = read_parts(model.definition, database=database)
    content = file.keep(MODEL)
    content["tables"] = [_table(table, model) for table in file.parts("tables")]
    content["relationships"] = [one.keep(RELATIONSHIP) for one in file.parts("relationships")]
    content["metrics"] = [_item(one, DERIVED, "", model) for one in file.parts("metrics")]
    content["verified_queries"] = [
        _checked(one, VERIFIED, "sql", "verified_queries") for one in file.parts("verified_queries")
    ]
    content |= file.keep(INSTRUCTIONS)
    text = yaml.safe_dump(_filled(content), sort_keys=False, allow_unicode=True, width=120)
    return Export(text, tuple(file.losses(REASON)))


def _table(table: Part, model: SemanticModel) -> dict[str, Any]:
    content = table.keep(TABLE)
    for kind, keys in ITEMS.items():
        content[kind] = [_item(one, keys, content["name"], model) for one in table.parts(kind)]
    content["filters"] = [_checked(one, FILTER, "expr", "filters") for one in table.parts("filters")]
    return _filled(content)


def _item(part: Part, keys: tuple[str, ...], table: str, model: SemanticModel) -> dict[str, Any]:
    content = part.keep(keys)
    [item] = [one for one in model.items if (one.table, one.name) == (table, content["name"])]
    if is_shadowed(item, model):
        part.note("expr", SHADOWED)
    return content | {"expr": snowflake_text(item, content["expr"], model)}


def _checked(part: Part, keys: tuple[str, ...], sql: str, feature: str) -> dict[str, Any]:
    """Return a part whose SQL the loader did not parse; an empty one where it cannot be read."""
    content = part.keep(keys)
    text = find_snowflake_text(content[sql])
    if text is None:
        part.lose_all(feature, UNREADABLE)
        return {}
    return content | {sql: text}


def _filled(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return what says something: no empty lists, and none of their empty entries."""
    kept = {key: [one for one in value if one] if isinstance(value, list) else value for key, value in content.items()}
    return {key: value for key, value in kept.items() if value not in ([], {}, "")}
