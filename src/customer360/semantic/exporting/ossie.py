"""Apache Ossie (incubating), formerly OSI: core specification 0.2.0.dev0, a draft, with a list of models.

Invariant: expressions of metrics name fields of datasets, as the specification wants them; a column that a field of
another meaning hides is never named. What the core has no key for goes under ``custom_extensions``, Snowflake's own
notions as SNOWFLAKE and ours as CUSTOMER360, and is reported: other tools pass over it.
https://github.com/apache/ossie/blob/main/core-spec/spec.md
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import yaml
from sqlglot import exp

from customer360.semantic.exporting.parts import Export, read_parts
from customer360.semantic.exporting.sql import ANSI, SNOWFLAKE, formula, write
from customer360.semantic.model import ROW_KINDS, Item, Kind, SemanticModel, dotted
from customer360.semantic.parts import Part, reasons

VERSION = "0.2.0.dev0"
VENDOR = "SNOWFLAKE"
OWN_VENDOR = "CUSTOMER360"
DATA_TYPES: Mapping[str, str] = {
    "VARCHAR": "String",
    "TEXT": "String",
    "INTEGER": "Integer",
    "BIGINT": "Integer",
    "DOUBLE": "Float",
    "FLOAT": "Float",
    "BOOLEAN": "Boolean",
    "DATE": "Date",
    "TIMESTAMP": "DateTime",
    "DECIMAL": "Decimal",
    "NUMBER": "Decimal",
}
ONLY_EXTENSION = "Only under custom_extensions, which other tools pass over."
PRECISION = "Precision and scale stand only under custom_extensions, which other tools pass over."
REASON = reasons(
    {"data_type": PRECISION, "x_nl.data_type": PRECISION},
    ONLY_EXTENSION,
)
NO_FIELD = "It reads a column that no field names; the column stands in the expression as it is."
HIDDEN = "It reads a column that a field of the same name and another meaning hides."
NO_COLUMN = "It reads no column, so that no dataset would be named."
RENAMED = "Another table has a metric of that name; names of metrics are the model's here."


def to_ossie(model: SemanticModel, *, database: str | None = None) -> Export:
    """Return the model as an Ossie document, its tables in another database if one is named."""
    file = read_parts(model.definition, database=database)
    tables = {str(part.take("name")): part for part in file.parts("tables")}
    metrics = _Metrics(model).write({**tables, "": file})
    content = {
        "name": file.take("name"),
        "description": file.take("description"),
        "ai_context": _filled({"instructions": _instructions(file), "examples": _questions(model)}),
        "datasets": [_dataset(name, part, model) for name, part in tables.items()],
        "relationships": [_relationship(one) for one in file.parts("relationships")],
        "metrics": metrics,
        "custom_extensions": _extensions(file),
    }
    document = {"version": VERSION, "semantic_model": [_filled(content)]}
    text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120)
    return Export(text, tuple(file.losses(REASON)))


def _dataset(name: str, table: Part, model: SemanticModel) -> dict[str, Any]:
    base = table.take_known("base_table", "database", "schema", "table")
    items = {item.name: item for item in model.list_items(ROW_KINDS, table=name)}
    kinds = ("dimensions", "time_dimensions", "facts")
    fields = [_field(part, kind, items) for kind in kinds for part in table.parts(kind)]
    content = {
        "name": name,
        "source": ".".join(base[key] for key in ("database", "schema", "table")),
        "primary_key": table.take_known("primary_key", "columns")["columns"],
        "unique_keys": [key["columns"] for key in table.take_known("unique_keys", "columns")],
    }
    return _filled(content | _described(table) | {"fields": fields, "custom_extensions": _extensions(table)})


def _field(part: Part, kind: str, items: Mapping[str, Item]) -> dict[str, Any]:
    item = items[part.take("name")]
    part.take("expr")
    role = {"dimension": {"is_time": kind == "time_dimensions"}} if kind != "facts" else {}
    content = {"name": item.name, "expression": _dialects(item.expression, of=item.full_name)} | role
    content |= _described(part) | {"datatype": _datatype(part)}
    return _filled(content | {"custom_extensions": _extensions(part)})


def _relationship(part: Part) -> dict[str, Any]:
    pairs = part.take_known("relationship_columns", "left_column", "right_column")
    content = {
        "name": part.take("name"),
        "from": part.take("left_table"),
        "to": part.take("right_table"),
        "from_columns": [pair["left_column"] for pair in pairs],
        "to_columns": [pair["right_column"] for pair in pairs],
    }
    return _filled(content | {"custom_extensions": _extensions(part)})


class _Unsaid(Exception):
    """The core cannot say an expression; the message is the reason."""


class _Metrics:
    """The metrics of all tables and of the model, which the core has in one list."""

    def __init__(self, model: SemanticModel) -> None:
        self._model = model
        items = model.list_items({Kind.METRIC, Kind.DERIVED})
        self._known = {(item.table, item.name): item for item in items}
        self._times = Counter(item.name for item in items)

    def write(self, owners: Mapping[str, Part]) -> list[dict[str, Any]]:
        """Return the metrics under each owner, by table name; the model's have none."""
        written = [self._metric(part, table) for table, owner in owners.items() for part in owner.parts("metrics")]
        return [one for one in written if one]

    def _metric(self, part: Part, table: str) -> dict[str, Any]:
        item = self._known[table, part.take("name")]
        part.take("expr")
        names = _Names(self._model)
        try:
            expression = names.formula(item) if item.kind is Kind.DERIVED else names.aggregate(item)
        except _Unsaid as reason:
            part.lose_all("metrics", str(reason))
            return {}
        if names.without_field:
            part.note("expr", NO_FIELD)
        name = item.name
        if table and self._times[name] > 1:
            part.note("name", RENAMED)
            name = f"{table}_{name}"
        content = {"name": name, "expression": _dialects(expression, of=item.full_name)} | _described(part)
        content |= {"datatype": _datatype(part.part("x_nl"))}
        return _filled(content | {"custom_extensions": _extensions(part)})


class _Names:
    """Writes columns as fields of datasets, and remembers those that no field names."""

    def __init__(self, model: SemanticModel) -> None:
        self._model = model
        self.without_field: list[str] = []

    def formula(self, item: Item) -> exp.Expr:
        """Return a formula of the model with its metrics written out."""
        whole: exp.Expr = exp.Paren(this=formula(item, self._model, of_doubles=True))
        operands = {operand.full_name: operand for operand in self._model.operands(item).values()}
        for column in list(whole.find_all(exp.Column)):
            column.replace(exp.paren(self.aggregate(operands[dotted(column)]), copy=False))
        unwrapped: exp.Expr = whole.this
        return unwrapped

    def aggregate(self, item: Item) -> exp.Expr:
        """Return a metric of a table over that table's fields; rows are counted by their key."""
        table = self._model.tables[item.table]

        def name(node: exp.Expr) -> exp.Expr:
            if isinstance(node, exp.Column):
                return self._field(table.name, node.name)
            if isinstance(node, exp.Count) and isinstance(node.this, (exp.Star, exp.Literal)):
                return exp.Count(this=self._field(table.name, table.primary_key[0], as_text=True))
            return node

        named: exp.Expr = item.expression.transform(name)
        if named.find(exp.Column) is None:
            raise _Unsaid(NO_COLUMN)
        return named

    def _field(self, table: str, column: str, *, as_text: bool = False) -> exp.Column:
        """Return the field that is a column, or that has its text, which is as good where rows are counted."""
        fields = self._model.list_items(ROW_KINDS, table=table)
        same = [one for one in fields if _column_of(one, as_text=as_text) == column]
        same.sort(key=lambda one: one.name != column)
        if same:
            return exp.column(same[0].name, table=table)
        if any(one.name == column for one in fields):
            raise _Unsaid(HIDDEN)
        self.without_field.append(column)
        return exp.column(column, table=table)


def _column_of(item: Item, *, as_text: bool) -> str | None:
    inner = item.expression.this if as_text and isinstance(item.expression, exp.Cast) else item.expression
    return inner.name if isinstance(inner, exp.Column) else None


def _dialects(expression: exp.Expr, *, of: str) -> dict[str, Any]:
    """Return an expression in ANSI SQL, and in Snowflake's where that is another."""
    ansi, snowflake = write(expression, ANSI, of=of), write(expression, SNOWFLAKE, of=of)
    texts = [{"dialect": "ANSI_SQL", "expression": ansi}]
    texts += [{"dialect": "SNOWFLAKE", "expression": snowflake}] if snowflake != ansi else []
    return {"dialects": texts}


def _described(part: Part) -> dict[str, Any]:
    synonyms = part.take("synonyms", ())
    return {"description": part.take("description"), "ai_context": {"synonyms": synonyms} if synonyms else None}


def _datatype(part: Part) -> str | None:
    """Return the core's type; a type with precision and scale stays with the rest, for the core cannot say them."""
    declared = part.left().get("data_type")
    if declared is None:
        return None
    name, _, precision = declared.partition("(")
    if not precision:
        part.take("data_type")
    return DATA_TYPES.get(name, "Opaque")


def _instructions(file: Part) -> str:
    modules = file.part("module_custom_instructions")
    texts = [file.take("custom_instructions", ""), modules.take("sql_generation", "")]
    return "\n\n".join(text for text in texts if text)


def _questions(model: SemanticModel) -> list[str]:
    return [query.question for query in model.definition.verified_queries]


def _extensions(part: Part) -> list[dict[str, str]]:
    """Return what the core has no key for; to be called when all else was taken."""
    left = part.left()
    own = {key: content for key, content in left.items() if key.startswith("x_")}
    theirs = {key: content for key, content in left.items() if key not in own}
    blocks: Sequence[tuple[str, Mapping[str, Any]]] = ((VENDOR, theirs), (OWN_VENDOR, own))
    return [{"vendor_name": name, "data": json.dumps(data, ensure_ascii=False)} for name, data in blocks if data]


def _filled(content: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in content.items() if value not in (None, "", [], {}, ())}
