"""A semantic model ready for use: every name resolved, every expression parsed, every relationship known.

Invariant: a model that exists is sound. Row expressions do not aggregate, metrics do; a formula of the model refers to
metrics of its tables only; names are unique in their table and synonyms in the whole model; relationships point at
existing tables, at a key of the coarser one, and form no cycle. Whether the columns exist only the engine can tell:
``expression_checks`` has it say so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from customer360.errors import InvalidDefinition, InvalidQuery, did_you_mean
from customer360.semantic.definition import (
    ItemDefinition,
    ModelDefinition,
    RelationshipDefinition,
    RollUp,
    TableDefinition,
    Unit,
    parse_definition,
    read_definition,
)
from customer360.semantic.relations import Edge, Relations

_SUBQUERIES = (exp.Query, exp.Subquery, exp.Window, exp.Placeholder, exp.Parameter)


class Kind(StrEnum):
    """What an item of the model is."""

    DIMENSION = "dimension"
    TIME = "time_dimension"
    FACT = "fact"
    METRIC = "metric"
    DERIVED = "derived_metric"


ROW_KINDS = frozenset({Kind.DIMENSION, Kind.TIME, Kind.FACT})
GROUP_KINDS = frozenset({Kind.DIMENSION, Kind.TIME})
METRIC_KINDS = frozenset({Kind.METRIC, Kind.DERIVED})


@dataclass(frozen=True)
class Item:
    """One dimension, fact or metric; ``table`` is empty for a formula of the whole model."""

    table: str
    name: str
    kind: Kind
    data_type: str
    unit: Unit | None
    label: str
    description: str
    synonyms: tuple[str, ...]
    sample_values: tuple[str, ...]
    expression: exp.Expr = field(compare=False, repr=False)

    @property
    def full_name(self) -> str:
        return f"{self.table}.{self.name}" if self.table else self.name

    @property
    def counts(self) -> bool:
        """Tell whether nothing to count means zero rather than unknown."""
        return self.unit == "count" and isinstance(self.expression, (exp.Count, exp.Sum))


@dataclass(frozen=True)
class Table:
    """One logical table: where its rows are and what one row is; roll-ups make no other table of it."""

    name: str
    schema: str
    physical: str
    description: str
    primary_key: tuple[str, ...]
    rollups: tuple[RollUp, ...] = field(default=(), compare=False)


class SemanticModel:
    """The index over a model's definition; two models that say the same are equal."""

    def __init__(self, definition: ModelDefinition) -> None:
        self.definition = definition
        self.name = definition.name
        self.fingerprint = definition.fingerprint()
        self.tables: Mapping[str, Table] = {table.name: _table(table) for table in definition.tables}
        self.items: tuple[Item, ...] = tuple(_items(definition))
        _refuse_repeated(definition)
        self.relations = Relations(self.tables, [_edge(definition, one) for one in definition.relationships])
        self._by_name: dict[str, list[Item]] = {}
        for item in self.items:
            for name in {item.name, item.full_name}:
                self._by_name.setdefault(name, []).append(item)
        self._check_defaults()
        self._operands = {item: self._find_operands(item) for item in self.list_items({Kind.DERIVED})}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SemanticModel) and self.fingerprint == other.fingerprint

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    def list_items(self, kinds: Iterable[Kind], *, table: str | None = None) -> list[Item]:
        """Return the items of these kinds, of one table or of all."""
        return [item for item in self.items if item.kind in kinds and table in (None, item.table)]

    def get_item(self, name: str, kinds: frozenset[Kind], *, role: str) -> Item:
        """Return the one item of these kinds that ``name`` or ``table.name`` means.

        Raises:
            InvalidQuery: nothing or several things have the name, or it cannot play the ``role``.
        """
        named = self._by_name.get(name, [])
        fitting = self._of_home([item for item in named if item.kind in kinds])
        if len(fitting) == 1:
            return fitting[0]
        if fitting:
            raise _ambiguous(name, fitting)
        raise _misplaced(name, named[0], role) if named else self._unknown(name, kinds, role)

    def _of_home(self, items: list[Item]) -> list[Item]:
        """Leave out what a table that extends another one to one repeats of it."""
        tables = {item.table for item in items}
        homes = {table: self.relations.home(table) for table in tables}
        return [item for item in items if homes[item.table] == item.table or homes[item.table] not in tables]

    def operands(self, metric: Item) -> Mapping[str, Item]:
        """Return the metrics of tables that a metric is made of, by the name its formula uses."""
        return self._operands.get(metric, {metric.full_name: metric})

    def _check_defaults(self) -> None:
        """Refuse a default that names no metric or no date."""
        extensions = [(table.name, table.x_nl) for table in self.definition.tables]
        named = [(f"{table}.{one.default_metric}", METRIC_KINDS) for table, one in extensions if one.default_metric]
        dates = [(table, one.default_time_dimension) for table, one in extensions if one.default_time_dimension]
        named += [(date if "." in date else f"{table}.{date}", frozenset({Kind.TIME})) for table, date in dates]
        if self.definition.x_nl.default_metric:
            named.append((self.definition.x_nl.default_metric, METRIC_KINDS))
        for name, kinds in named:
            if not any(item.kind in kinds for item in self._by_name.get(name, ())):
                raise InvalidDefinition(f"The default {name!r} does not exist.", next_action="Correct x_nl.")
        for table, date in dates:
            owner = date.rpartition(".")[0] or table
            if not self.relations.reaches(table, owner):
                raise InvalidDefinition(
                    f"The default {date!r} is of no table that {table!r} belongs to.", next_action="Correct x_nl."
                )

    def _find_operands(self, formula: Item) -> Mapping[str, Item]:
        columns = {dotted(column) for column in formula.expression.find_all(exp.Column)}
        try:
            return {name: self.get_item(name, frozenset({Kind.METRIC}), role="part of a formula") for name in columns}
        except InvalidQuery as error:
            raise InvalidDefinition(
                f"The metric {formula.name!r} of the model: {error.message}",
                next_action=error.next_action or "Correct its expr.",
            ) from error

    def _unknown(self, name: str, kinds: frozenset[Kind], role: str) -> InvalidQuery:
        known = [known for known, items in self._by_name.items() if any(item.kind in kinds for item in items)]
        return InvalidQuery(
            f"There is no {role} {name!r} in the model.",
            code="no_such_field",
            next_action=did_you_mean(name, known if "." in name else [one for one in known if "." not in one]),
            details=[{"field": name, "message": "unknown name"}],
        )


def without_rollups(model: SemanticModel) -> SemanticModel:
    """Return a model that is the same but reads the rows of its tables only."""
    bare = [
        table.model_copy(update={"x_nl": table.x_nl.model_copy(update={"rollups": ()})})
        for table in model.definition.tables
    ]
    return SemanticModel(model.definition.model_copy(update={"tables": tuple(bare)}))


def load_model(path: Path) -> SemanticModel:
    """Read, check and index the semantic model in a file.

    Raises:
        InvalidDefinition: the message names the file, the place in it and the fault.
    """
    return _index(read_definition(path), source=str(path))


def parse_model(text: str, *, source: str = "the model") -> SemanticModel:
    """Check and index a semantic model given as YAML text."""
    return _index(parse_definition(text, source=source), source=source)


def _index(definition: ModelDefinition, *, source: str) -> SemanticModel:
    try:
        return SemanticModel(definition)
    except InvalidDefinition as error:
        raise InvalidDefinition(f"{source}: {error.message}", next_action=error.next_action) from error


def _table(table: TableDefinition) -> Table:
    return Table(
        name=table.name,
        schema=table.base_table.schema_.lower(),
        physical=table.base_table.table.lower(),
        description=table.description,
        primary_key=table.primary_key.columns,
        rollups=table.x_nl.rollups,
    )


def _items(definition: ModelDefinition) -> Iterator[Item]:
    for table in definition.tables:
        parts: list[tuple[Kind, Sequence[ItemDefinition]]] = [
            (Kind.DIMENSION, table.dimensions),
            (Kind.TIME, table.time_dimensions),
            (Kind.FACT, table.facts),
            (Kind.METRIC, table.metrics),
        ]
        for kind, definitions in parts:
            yield from (_item(table.name, kind, one) for one in definitions)
    yield from (_item("", Kind.DERIVED, one) for one in definition.metrics)


def _item(table: str, kind: Kind, definition: ItemDefinition) -> Item:
    return Item(
        table=table,
        name=definition.name,
        kind=kind,
        data_type=_data_type(definition),
        unit=definition.x_nl.unit,
        label=definition.x_nl.label or definition.name.replace("_", " ").capitalize(),
        description=definition.description,
        synonyms=definition.synonyms,
        sample_values=getattr(definition, "sample_values", ()),
        expression=_parse(table, kind, definition),
    )


def _data_type(definition: ItemDefinition) -> str:
    data_type: str | None = getattr(definition, "data_type", None) or definition.x_nl.data_type
    if data_type is None:
        raise InvalidDefinition(
            f"The metric {definition.name!r} has no type.",
            next_action="Add x_nl: {data_type: …}, so that it is the same on every engine.",
        )
    return data_type


def _parse(table: str, kind: Kind, definition: ItemDefinition) -> exp.Expr:
    where = f"The {kind.replace('_', ' ')} {definition.name!r} of {table or 'the model'}"
    try:
        expression: exp.Expr = sqlglot.parse_one(definition.expr, into=exp.Condition, read="duckdb")
    except SqlglotError as error:
        raise InvalidDefinition(
            f"{where} has an expression that does not parse: {definition.expr!r}.", next_action="Correct its expr."
        ) from error
    if fault := fault_of(kind, expression):
        raise InvalidDefinition(f"{where} {fault}: {definition.expr!r}.", next_action="Correct its expr.")
    return expression


def fault_of(kind: Kind, expression: exp.Expr) -> str:
    """Return what an expression of this kind may not do but does, or nothing."""
    if expression.find(*_SUBQUERIES):
        return "may not hold a subquery, a window or a parameter"
    aggregates = expression.find(exp.AggFunc) is not None
    if kind is Kind.METRIC and not aggregates:
        return "must aggregate"
    if kind is not Kind.METRIC and aggregates:
        return "may not aggregate"
    foreign = any(column.table for column in expression.find_all(exp.Column))
    return "may only name columns of its own table" if foreign and kind is not Kind.DERIVED else ""


def _refuse_repeated(definition: ModelDefinition) -> None:
    for table in definition.tables:
        groups = (table.dimensions, table.time_dimensions, table.facts, table.metrics, table.filters)
        _refuse([one.name for group in groups for one in group], f"name in {table.name}")
    _refuse([table.name for table in definition.tables], "table name")
    _refuse([one.name for one in definition.relationships], "relationship name")
    _refuse([one.name for one in definition.metrics], "metric name of the model")
    _refuse([synonym.casefold() for synonym in _synonyms(definition)], "synonym")


def _refuse(names: Iterable[str], what: str) -> None:
    repeated = sorted(name for name, times in Counter(names).items() if times > 1)
    if repeated:
        raise InvalidDefinition(f"The {what} {repeated[0]!r} is used twice.", next_action="Rename one of them.")


def _synonyms(definition: ModelDefinition) -> Iterator[str]:
    yield from (synonym for metric in definition.metrics for synonym in metric.synonyms)
    for table in definition.tables:
        yield from table.synonyms
        groups = (table.dimensions, table.time_dimensions, table.facts, table.metrics, table.filters)
        yield from (synonym for group in groups for one in group for synonym in one.synonyms)


def _edge(definition: ModelDefinition, relationship: RelationshipDefinition) -> Edge:
    tables = {table.name: table for table in definition.tables}
    for name in (relationship.left_table, relationship.right_table):
        if name not in tables:
            raise InvalidDefinition(
                f"The relationship {relationship.name!r} names a table {name!r} that does not exist.",
                next_action=did_you_mean(name, tables),
            )
    right = tables[relationship.right_table]
    keys = [set(key.columns) for key in (right.primary_key, *right.unique_keys)]
    if {pair.right_column for pair in relationship.relationship_columns} not in keys:
        raise InvalidDefinition(
            f"The relationship {relationship.name!r} does not point at a key of {right.name}.",
            next_action="Point it at the table's primary_key or declare the columns under unique_keys.",
        )
    pairs = tuple((pair.left_column, pair.right_column) for pair in relationship.relationship_columns)
    left, names = tables[relationship.left_table], {pair.left_column for pair in relationship.relationship_columns}
    one_to_one = names == set(left.primary_key.columns) and {right_name for _, right_name in pairs} == set(
        right.primary_key.columns
    )
    return Edge(relationship.name, left.name, right.name, pairs, one_to_one)


def dotted(column: exp.Column) -> str:
    """Return a column of an expression as it is written there."""
    return f"{column.table}.{column.name}" if column.table else str(column.name)


def _ambiguous(name: str, items: Sequence[Item]) -> InvalidQuery:
    choices = ", ".join(item.full_name for item in items)
    return InvalidQuery(
        f"{name!r} can mean several things: {choices}.",
        code="ambiguous_term",
        next_action="Write one of them in full, as table.name.",
        details=[{"field": name, "message": choices}],
    )


_HINTS = {
    Kind.METRIC: "It aggregates many rows: ask for it under metrics, and filter by it with having.",
    Kind.DERIVED: "It aggregates many rows: ask for it under metrics, and filter by it with having.",
    Kind.FACT: "It is a number of one row: use it in filters or in a list of rows (fields), or a metric made of it.",
    Kind.DIMENSION: "It describes rows: use it under dimensions, in filters or in a list of rows (fields).",
    Kind.TIME: "It describes rows: use it under dimensions, in filters or in a list of rows (fields).",
}


def _misplaced(name: str, item: Item, role: str) -> InvalidQuery:
    return InvalidQuery(
        f"{name!r} is a {item.kind.replace('_', ' ')} and cannot be a {role}.",
        code="wrong_kind_of_field",
        next_action=_HINTS[item.kind],
        details=[{"field": name, "message": f"is a {item.kind}"}],
    )
