"""Reads what all formats have of a field or metric, from mappings with the keys of Cortex Analyst."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError
from sqlglot import exp

from customer360.semantic.definition import Definition, ItemExtension
from customer360.semantic.importing.draft import DraftItem, Origin
from customer360.semantic.importing.given import Given, label_of
from customer360.semantic.importing.sql import NotImported, kept_text, read_sql
from customer360.semantic.importing.types import DAYS, is_number, type_named
from customer360.semantic.model import Kind

TRANSLATED = "It is written for both engines: {new}"
NO_SUCH_TYPE = "We have no type {given}; the type is taken from the expression or the database instead."
DAYS_HERE = "It holds days or moments, so it is a time dimension here."
NO_DAYS = "It holds no days or moments, so it is a dimension here."
BAD_EXTENSION = "It does not fit our format: {fault}."
PRIVATE = "It is private there; here questions may not name it, but semantic queries may."
PUBLIC = ("", "public_access", "public")
FILTER = ["filter"]


def read_item(part: Given, kind: Kind, feature: str, *, dialects: Sequence[str]) -> DraftItem | None:
    """Return a field or metric; nothing, and a loss, where its expression is not understood."""
    given = str(part.left().get("name", ""))
    name = part.name()
    text = part.text("expr") or given
    try:
        tree = read_sql(text, dialects)
    except NotImported as reason:
        part.lose_all(feature, str(reason))
        return None
    item = DraftItem(kind, name, tree, Origin(part.path, feature), text=kept_text(text, tree))
    item.description, item.synonyms = part.text("description"), part.texts("synonyms")
    item.data_type, item.is_number = _data_type(part)
    item.x_nl = extension(part, ItemExtension)
    item.label = label_of(given, name)
    if "data_type" in item.x_nl:
        item.data_type = type_named(item.x_nl.pop("data_type"))
    if _says_otherwise(text, item.text):
        part.note("expr", TRANSLATED.format(new=item.text))
    _read_more(part, item)
    _place(part, item)
    return item


def _data_type(part: Given) -> tuple[str | None, bool]:
    """Return the type that is given, in our words, and whether it is only said to be a number."""
    given = part.text("data_type")
    found = type_named(given) if given else None
    if given and found is None and not is_number(given):
        part.note("data_type", NO_SUCH_TYPE.format(given=given))
    return found, bool(given) and found is None and is_number(given)


def extension(part: Given, form: type[Definition]) -> dict[str, Any]:
    """Return our own extension block where the source is one of ours, and it fits."""
    block = part.take("x_nl")
    if not block:
        return {}
    try:
        form.model_validate(block)
    except ValidationError as error:
        fault = error.errors()[0]
        place = ".".join(str(one) for one in fault["loc"])
        part.note("x_nl", BAD_EXTENSION.format(fault=f"{place}: {fault['msg']}" if place else fault["msg"]))
        return {}
    return dict(block)


def _read_more(part: Given, item: DraftItem) -> None:
    if item.kind is not Kind.METRIC:
        if samples := part.texts("sample_values"):
            item.more["sample_values"] = samples
        if part.left().get("labels") == FILTER and part.take("labels"):
            item.more["labels"] = list(FILTER)
    if item.kind is Kind.DIMENSION:
        item.more |= {key: True for key in ("is_enum", "unique") if part.flag(key)}
    if item.kind in (Kind.FACT, Kind.METRIC):
        access = part.text("access_modifier").casefold()
        if access not in PUBLIC:
            item.x_nl["asked"] = False
            part.note("access_modifier", PRIVATE)


def _place(part: Given, item: DraftItem) -> None:
    """Put a field where its type belongs: days among the time dimensions, and nothing else."""
    if item.kind is Kind.DIMENSION and item.data_type in DAYS:
        item.kind = Kind.TIME
        item.more = {key: value for key, value in item.more.items() if key not in ("is_enum", "unique")}
        part.note("data_type", DAYS_HERE)
    elif item.kind is Kind.TIME and item.data_type and item.data_type not in DAYS:
        item.kind = Kind.DIMENSION
        part.note("data_type", NO_DAYS)


def _says_otherwise(text: str, written: str) -> bool:
    """Tell whether an expression had to be put into other words, and not only into lower case."""
    return "".join(text.split()).casefold().replace('"', "") != "".join(written.split()).casefold().replace('"', "")


def aggregates(tree: exp.Expr) -> bool:
    """Tell whether an expression is of many rows."""
    return tree.find(exp.AggFunc) is not None


def described(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is said, without what says nothing."""
    return {key: value for key, value in content.items() if value not in (None, "", [], {}, ())}
