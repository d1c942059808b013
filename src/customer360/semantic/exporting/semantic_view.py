"""``CREATE SEMANTIC VIEW``: the model as an object of a Snowflake schema.

Invariant: names and expressions enter the statement as sqlglot writes them, texts as literals that they cannot end. The
clauses stand in the order that the grammar fixes.
https://docs.snowflake.com/en/sql-reference/sql/create-semantic-view
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlglot import exp

from customer360.semantic.exporting.parts import Export, read_parts
from customer360.semantic.exporting.sql import (
    SHADOWED,
    SNOWFLAKE,
    UNREADABLE,
    find_snowflake_text,
    is_shadowed,
    refuse_reserved,
    snowflake_text,
)
from customer360.semantic.model import SemanticModel
from customer360.semantic.parts import Part, reasons

PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
INDENT = " " * 4
REASON = reasons(
    {
        "data_type": "The statement has no types; Snowflake infers them from the expression.",
        "filters": "The statement has no filters of their own; a dimension with labels: [filter] does the same.",
        "unique": "A dimension is not declared unique there; unique_keys of the table are.",
        "x_nl.unit": "A semantic view has no clause for it; a sum that counts is null, not zero, where nothing is.",
        "x_nl": "A semantic view has no clause for it.",
    },
    "The grammar of CREATE SEMANTIC VIEW has no such clause.",
)
FILTER = ["filter"]
AS_DIMENSIONS = "They become dimensions, which is all that the statement has."


def to_semantic_view(model: SemanticModel, *, database: str | None = None) -> Export:
    """Return the statement that makes the model a semantic view of the schema in use, with the grants it had."""
    refuse_reserved(model)
    file = read_parts(model.definition, database=database)
    items = _Items(file, model)
    clauses = [
        f"CREATE OR REPLACE SEMANTIC VIEW {identifier(file.take('name'))}",
        _list("TABLES", [_table(name, part) for name, part in items.tables]),
        _list("RELATIONSHIPS", [_relationship(one) for one in file.parts("relationships")]),
        _list("FACTS", items.write("facts")),
        _list("DIMENSIONS", [*items.write("dimensions"), *items.write("time_dimensions")]),
        _list("METRICS", [*items.write("metrics"), *items.write_derived()]),
        _text("COMMENT =", file.take("description")),
        *_instructions(file),
        _list("AI_VERIFIED_QUERIES", _verified_queries(file)),
        "COPY GRANTS",
    ]
    return Export("\n".join(clause for clause in clauses if clause) + ";\n", tuple(file.losses(REASON)))


def identifier(name: str) -> str:
    """Return a name as it is, or in quotes where it could not stand without."""
    return str(exp.to_identifier(name, quoted=not PLAIN.fullmatch(name)).sql(SNOWFLAKE))


def literal(text: str) -> str:
    """Return a text as a literal: Snowflake reads a backslash as the start of an escape, and two quotes as one."""
    escaped = text.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"


class _Items:
    """The dimensions, facts and metrics of the file, written kind by kind as the clauses want them."""

    def __init__(self, file: Part, model: SemanticModel) -> None:
        self.tables = [(str(part.take("name")), part) for part in file.parts("tables")]
        self._file = file
        self._model = model
        self._known = {(item.table, item.name): item for item in model.items}

    def write(self, kind: str) -> list[str]:
        """Return the entries of one kind, table by table."""
        entries = []
        for name, table in self.tables:
            if kind == "time_dimensions" and kind in table:
                table.note(kind, AS_DIMENSIONS)
            entries += [self._entry(part, name) for part in table.parts(kind)]
        return entries

    def write_derived(self) -> list[str]:
        return [self._entry(part, "") for part in self._file.parts("metrics")]

    def _entry(self, part: Part, table: str) -> str:
        item = self._known[table, part.take("name")]
        name = f"{identifier(table)}.{identifier(item.name)}" if table else identifier(item.name)
        if is_shadowed(item, self._model):
            part.note("expr", SHADOWED)
        labels = "LABELS = (FILTER) " if part.left().get("labels") == FILTER and part.take("labels") else ""
        first = f"{name} {labels}AS {snowflake_text(item, part.take('expr'), self._model)}"
        samples = _texts("SAMPLE_VALUES", part.take("sample_values", ()))
        enum = "IS_ENUM" if part.take("is_enum") else ""
        return _lines(first, _synonyms(part), _text("COMMENT =", part.take("description")), samples, enum)


def _table(name: str, part: Part) -> str:
    base = part.take_known("base_table", "database", "schema", "table")
    place = ".".join(identifier(base[key]) for key in ("database", "schema", "table"))
    primary = part.take_known("primary_key", "columns")["columns"]
    unique = [key["columns"] for key in part.take_known("unique_keys", "columns") if key["columns"] != primary]
    keys = " ".join([f"PRIMARY KEY {_columns(primary)}", *(f"UNIQUE {_columns(columns)}" for columns in unique)])
    return _lines(
        f"{identifier(name)} AS {place} {keys}", _synonyms(part), _text("COMMENT =", part.take("description"))
    )


def _relationship(part: Part) -> str:
    pairs = part.take_known("relationship_columns", "left_column", "right_column")
    left, right = ([pair[side] for pair in pairs] for side in ("left_column", "right_column"))
    name, near, far = (identifier(part.take(key)) for key in ("name", "left_table", "right_table"))
    return f"{name} AS {near} {_columns(left)} REFERENCES {far} {_columns(right)}"


def _instructions(file: Part) -> Iterator[str]:
    modules = file.part("module_custom_instructions")
    generation = [file.take("custom_instructions", ""), modules.take("sql_generation", "")]
    yield _text("AI_SQL_GENERATION", "\n\n".join(text for text in generation if text))
    yield _text("AI_QUESTION_CATEGORIZATION", modules.take("question_categorization"))


def _verified_queries(file: Part) -> list[str]:
    return [entry for part in file.parts("verified_queries") if (entry := _verified_query(part))]


def _verified_query(part: Part) -> str:
    name, question = identifier(part.take("name")), _text("QUESTION", part.take("question"))
    sql = find_snowflake_text(part.take("sql"))
    if sql is None:
        part.lose_all("verified_queries", UNREADABLE)
        return ""
    at, by = part.take("verified_at"), part.take("verified_by")
    clauses = [
        question,
        f"VERIFIED_AT {at:d}" if at is not None else "",
        "ONBOARDING_QUESTION TRUE" if part.take("use_as_onboarding_question") else "",
        _text("VERIFIED_BY", f"(STEWARD = {by})") if by else "",
        _text("SQL", sql),
    ]
    return f"{name} AS ( {' '.join(clause for clause in clauses if clause)} )"


def _synonyms(part: Part) -> str:
    return _texts("WITH SYNONYMS =", part.take("synonyms", ()))


def _texts(clause: str, texts: Sequence[str]) -> str:
    return f"{clause} ({', '.join(literal(text) for text in texts)})" if texts else ""


def _text(clause: str, text: Any) -> str:
    return f"{clause} {literal(text)}" if text else ""


def _columns(names: Iterable[str]) -> str:
    return f"({', '.join(identifier(name) for name in names)})"


def _lines(first: str, *rest: str) -> str:
    return f"\n{INDENT * 2}".join([first, *(line for line in rest if line)])


def _list(clause: str, entries: Sequence[str]) -> str:
    return f"{clause} (\n{INDENT}" + f",\n{INDENT}".join(entries) + "\n)" if entries else ""
