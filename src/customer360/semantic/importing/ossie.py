"""Apache Ossie, formerly OSI: 0.1.1 and the drafts of 0.2, with a list of models or with the model at the top.

Invariant: what stands in our own extension, and in Snowflake's, is read as if it stood where those formats have it;
every other vendor's is reported.
https://github.com/apache/ossie/blob/main/core-spec/spec.md
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlglot import exp

from customer360.semantic.importing.draft import Draft, DraftItem, DraftRelationship, DraftTable, Origin
from customer360.semantic.importing.given import Given
from customer360.semantic.importing.items import aggregates, read_item
from customer360.semantic.importing.snowflake_yaml import (
    UNFOLLOWED,
    read_extensions,
    read_query,
    read_table,
)
from customer360.semantic.importing.sql import OURS, SNOWFLAKE
from customer360.semantic.importing.types import type_named
from customer360.semantic.model import Kind
from customer360.semantic.parts import reasons

VENDORS = ("SNOWFLAKE", "CUSTOMER360")
DIALECTS: Mapping[str, tuple[str, ...]] = {"SNOWFLAKE": (SNOWFLAKE,), "ANSI_SQL": (SNOWFLAKE, OURS)}
TYPES: Mapping[str, str] = {
    "String": "VARCHAR",
    "Integer": "BIGINT",
    "Decimal": "DECIMAL",
    "Float": "DOUBLE",
    "Boolean": "BOOLEAN",
    "Date": "DATE",
    "DateTime": "TIMESTAMP",
    "DateTimeTz": "TIMESTAMP",
}
TEMPORAL = ("Date", "DateTime", "DateTimeTz")
NO_PLACE = "Its source {source!r} is a query, or has other than two or three names; make a view of it, and name that."
NO_DIALECT = "It has no expression in ANSI_SQL or SNOWFLAKE."
OTHER_VENDOR = "An extension of {vendor} is for that tool only."
NO_JSON = "It is no JSON, so that nothing of it is known."
EXAMPLES = "Questions without SQL have no place here; write them as verified_queries."
CONTEXT = "A free text; only synonyms are of use to our reader of questions."
UNEVEN = "has to have as many columns as from_columns"
NOWHERE = "LOCAL"
REASON = reasons({}, "Our format has no such key in this place.")


def read_ossie(given: Given) -> Draft:
    """Return what the one model of a document says.

    Raises:
        InvalidDefinition: it has several models, or none.
    """
    given.text("version")
    models = given.parts("semantic_model") if "semantic_model" in given else [given]
    if len(models) != 1:
        raise given.fault(
            "semantic_model", [one.path for one in models], "has to hold one model", "Keep one in the file."
        )
    [part] = models
    _merge_extensions(part)
    draft = Draft(part.name() if "name" in part else "imported_model", part.text("description"))
    context = _context(part)
    if instructions := context.get("instructions"):
        draft.instructions["custom_instructions"] = str(instructions)
        part.note("ai_context.instructions", UNFOLLOWED)
    if context.get("examples") and "verified_queries" not in part:
        part.note("ai_context.examples", EXAMPLES)
    draft.tables = [table for one in part.parts("datasets") if (table := _dataset(one, draft))]
    draft.relationships = [_relationship(one) for one in part.parts("relationships")]
    draft.metrics = [item for one in part.parts("metrics") if (item := _metric(one, draft))]
    read_extensions(part, draft)
    draft.queries = [read_query(one) for one in part.parts("verified_queries")]
    _tell_facts(draft)
    draft.losses += given.losses(REASON)
    return draft


def _dataset(part: Given, draft: Draft) -> DraftTable | None:
    _merge_extensions(part)
    source = part.required("source")
    names = source.split(".")
    name = part.name()
    if len(names) not in (2, 3) or any(not one.replace("_", "a").isalnum() for one in names):
        part.lose_all("datasets", NO_PLACE.format(source=source))
        draft.gone[name] = NO_PLACE.format(source=source)
        return None
    database, schema, physical = names if len(names) == 3 else (NOWHERE, *names)
    content: dict[str, Any] = {
        "name": name,
        "description": part.text("description"),
        "synonyms": _synonyms(part),
        "base_table": {"database": database, "schema": schema, "table": physical},
        "primary_key": {"columns": part.texts("primary_key")},
        "unique_keys": [{"columns": key} for key in part.values("unique_keys")],
        "filters": part.take("filters", []),
        "x_nl": part.take("x_nl", {}),
    }
    fields = [_field(one) for one in part.parts("fields")]
    table = read_table(Given({key: one for key, one in content.items() if one}, part.path, file=part.file), draft)
    for field, kind in fields:
        item = _read(field, kind, "fields") if table else None
        draft.losses += field.losses(REASON)
        if table and item:
            table.items.append(item)
        elif table:
            draft.gone[f"{table.name}.{field.path.rpartition('.')[2].lower()}"] = NO_DIALECT
    return table


def _field(part: Given) -> tuple[Given, Kind]:
    """Return a field with the keys of Cortex Analyst, at the place that it has here, and what it seems to be."""
    _merge_extensions(part)
    dimension = part.part("dimension") if "dimension" in part else None
    datatype = part.text("datatype")
    is_time = dimension.flag("is_time") if dimension and "is_time" in dimension else datatype in TEMPORAL
    data_type = _type(part, datatype)
    content = _described(part) | {"expr": _expression(part), "data_type": data_type}
    kind = Kind.TIME if is_time else Kind.FACT if dimension is None else Kind.DIMENSION
    return Given({key: one for key, one in content.items() if one}, part.path, file=part.file), kind


def _read(part: Given, kind: Kind, feature: str) -> DraftItem | None:
    if "expr" not in part:
        part.lose_all(feature, NO_DIALECT)
        return None
    return read_item(part, kind, feature, dialects=(SNOWFLAKE, OURS))


def _metric(part: Given, draft: Draft) -> DraftItem | None:
    _merge_extensions(part)
    datatype = part.text("datatype")
    x_nl = part.take("x_nl", {})
    typed = _type(part, datatype)
    content = _described(part) | {"expr": _expression(part), "x_nl": x_nl}
    inner = Given({key: one for key, one in content.items() if one}, part.path, file=part.file)
    item = _read(inner, Kind.DERIVED, "metrics")
    draft.losses += inner.losses(REASON)
    if item is not None and not item.data_type and typed and typed != "DECIMAL":
        item.data_type = type_named(typed)
    return item


def _relationship(part: Given) -> DraftRelationship:
    _merge_extensions(part)
    left, right = part.name("from"), part.name("to")
    near, far = part.texts("from_columns"), part.texts("to_columns")
    if len(near) != len(far) or not near:
        raise part.fault("to_columns", far, UNEVEN, "Name a column of each side for every pair.")
    name = part.name() if "name" in part else f"{left}_to_{right}"
    pairs = [(one.lower(), other.lower()) for one, other in zip(near, far, strict=True)]
    _context(part)
    return DraftRelationship(name, left, right, pairs, Origin(part.path, "relationships"))


def _described(part: Given) -> dict[str, Any]:
    """Take what a field or metric says beside its expression, the keys of Cortex Analyst included."""
    label = part.text("label")
    if label:
        part.note("label", "It puts fields into categories, which our format does not.")
    synonyms = _synonyms(part)
    rest = part.keep([key for key in part.left() if key not in ("expression", "custom_extensions", "datatype")])
    return {**rest, "synonyms": synonyms}


def _expression(part: Given) -> str:
    """Take the expression in the dialect that we read best; one in none of ours is left empty, to be refused."""
    expression = part.take("expression")
    dialects = expression.get("dialects", []) if isinstance(expression, Mapping) else expression
    if isinstance(dialects, str):
        return dialects
    if not isinstance(dialects, Sequence):
        raise part.fault("expression", expression, "has to have dialects", "Write expression: {dialects: […]}.")
    texts = {str(one.get("dialect")): str(one.get("expression", "")) for one in dialects if isinstance(one, Mapping)}
    found = next((texts[name] for name in DIALECTS if texts.get(name)), "")
    for name in texts:
        if name not in DIALECTS:
            part.note(f"expression.{name}", "Only ANSI_SQL and SNOWFLAKE are read.")
    return found


def _type(part: Given, datatype: str) -> str:
    given = part.text("data_type")
    if given or not datatype:
        return given
    return TYPES.get(datatype, datatype)


def _context(part: Given) -> dict[str, Any]:
    """Take the context, of which only some keys are of use; the rest is reported."""
    context = part.take("ai_context")
    if isinstance(context, str) and context.strip():
        part.note("ai_context", CONTEXT)
    if not isinstance(context, Mapping):
        return {}
    for key in context:
        if key not in ("synonyms", "instructions", "examples"):
            part.note(f"ai_context.{key}", CONTEXT)
    return dict(context)


def _synonyms(part: Given) -> list[str]:
    context = _context(part)
    for key in ("instructions", "examples"):
        if context.get(key):
            part.note(f"ai_context.{key}", CONTEXT)
    found = context.get("synonyms", [])
    return [str(one) for one in found] if isinstance(found, list) else []


def _merge_extensions(part: Given) -> None:
    """Put what stands under Snowflake's extension and ours beside the keys of the part."""
    extensions = part.take("custom_extensions") or []
    for number, one in enumerate(extensions if isinstance(extensions, list) else [extensions], 1):
        vendor = str(one.get("vendor_name", "")) if isinstance(one, Mapping) else ""
        where = f"custom_extensions.{vendor or number}"
        if vendor not in VENDORS:
            part.note(where, OTHER_VENDOR.format(vendor=vendor or "nobody"))
            continue
        try:
            data = json.loads(str(one.get("data", "")))
        except json.JSONDecodeError:
            data = None
        if not isinstance(data, Mapping):
            part.note(where, NO_JSON)
            continue
        part.add(data)


def _tell_facts(draft: Draft) -> None:
    """Tell facts from dimensions among fields that nobody calls a dimension: facts are numbers, or are added up."""
    summed = {
        (column.table, column.name)
        for item in draft.metrics
        for one in item.tree.find_all(exp.Sum, exp.Avg, exp.Median)
        for column in one.find_all(exp.Column)
    }
    for table, item in draft.items():
        if item.kind is not Kind.FACT or aggregates(item.tree):
            continue
        if item.data_type in ("VARCHAR", "BOOLEAN") or (not item.data_type and (table.name, item.name) not in summed):
            item.kind = Kind.DIMENSION
