"""The file format: Cortex Analyst's semantic model, plus one extension block, ``x_nl``.

Invariant: a key that nobody reads is refused, so that a misspelt key cannot be mistaken for one that works. Keys of
Cortex Analyst that would change the meaning of a query and that we do not carry out (``variables``, ``asof`` joins,
``base_table.definition``, private access) are refused the same way.
"""

from __future__ import annotations

import hashlib
from collections.abc import Hashable
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from customer360.errors import InvalidDefinition

LARGEST_MODEL = 1_000_000
"""The most characters of a model's file, which is what Snowflake takes."""

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=128)]
FieldName = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)?$", max_length=257)
]
"""A name, or ``table.name``."""
Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
Unit = Literal["currency", "percent", "count", "score", "days", "months", "years", "number"]
DataType = Annotated[
    str,
    StringConstraints(
        pattern=r"^(VARCHAR|TEXT|INTEGER|BIGINT|DOUBLE|FLOAT|BOOLEAN|DATE|TIMESTAMP|(DECIMAL|NUMBER)\(\d+, ?\d+\))$"
    ),
]


class Definition(BaseModel):
    """Base of every part of the file: unknown keys refused, values fixed."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ItemExtension(Definition):
    """What Cortex Analyst has no key for: how a value is shown and how a question may name it."""

    label: str = ""
    unit: Unit | None = None
    data_type: DataType | None = None
    asked: bool = True
    """Whether questions in English may name it."""
    values_named_only: bool = False
    """Whether its values count only beside its own name, because they are common words or another field's values."""
    value_aliases: dict[str, tuple[str, ...]] = {}
    verb_phrases: tuple[str, ...] = ()
    more: tuple[str, ...] = ()
    """Words that say a value is higher: older, oldest."""
    less: tuple[str, ...] = ()
    aggregate_as: Name | None = None
    """The fact of the same table to aggregate instead: of approved rows only, say."""
    aggregate_otherwise: Name | None = None
    """The fact to aggregate where a question is about rows that ``aggregate_as`` leaves out: of declined ones, say."""
    instead: str = ""
    """The expression where a database lacks the columns of ``expr``."""
    higher_is_worse: bool = False
    change_of: str | None = None
    """The metric of a finer table whose change, in percent, this field holds."""
    per_month_of: str | None = None
    """The metric of a finer table whose monthly mean this field holds."""
    days: int = 0
    """The field holds the metric ``days_of`` over so many days, which end ``days_before`` before the newest one."""
    days_before: int = 0
    days_of: str | None = None
    bin: float | None = None
    """Width of the classes of a distribution."""
    total_of: str | None = None
    """The metric of a finer table that this field holds for each row, such as fct_transactions.total_spend."""


Additive = Literal["sum", "count", "min", "max"]


class RollUp(Definition):
    """A table beside the base table with one row for each combination of some of its columns: rows in its place.

    It holds the columns of ``keys`` under their names, the first day of the month of those of ``months`` under the name
    given there, the number of rows in ``row_count``, and each aggregate of a column of ``measures`` in a column such as
    ``amount_sum``.
    """

    table: Name
    keys: tuple[Name, ...]
    months: dict[Name, Name] = {}
    measures: dict[Name, tuple[Additive, ...]] = {}

    @property
    def columns(self) -> frozenset[str]:
        """All columns that it needs to have."""
        measured = (f"{name}_{one}" for name, aggregates in self.measures.items() for one in aggregates)
        return frozenset((*self.keys, *self.months.values(), ROW_COUNT, *measured))


ROW_COUNT = "row_count"


class TableExtension(Definition):
    """What a question about a table means when it names no measure or no date, and what answers it sooner."""

    default_metric: Name | None = None
    default_time_dimension: FieldName | None = None
    """A time dimension of the table, or ``table.name`` of a coarser one, where the rows have no date of their own."""
    asked: bool = True
    """Whether questions in English may ask for it."""
    row_fields: tuple[Name, ...] = ()
    """What a list of its rows shows."""
    activity: Name | None = None
    """The finer table whose rows say what a row of this one did, as transactions do for customers."""
    size_field: Name | None = None
    """What makes one of its rows large or small."""
    rollups: tuple[RollUp, ...] = ()
    """Tables that stand in for its rows where that gives the same, the smallest first."""


class AmbiguousOption(Definition):
    label: Text
    say: Text
    """The words that mean only this."""
    field: Name | None = None
    """The field that it is, where the rest of a question may decide which one is meant."""


class AmbiguousTerm(Definition):
    term: Text
    options: tuple[AmbiguousOption, ...]


class NotAvailable(Definition):
    term: tuple[str, ...]
    say: Text
    reason: Text = "no_such_field"


class Paraphrase(Definition):
    """What a way of asking is read as."""

    term: Text
    say: Text


class ModelExtension(Definition):
    """Defaults of the whole model, and what it cannot answer."""

    default_metric: Name | None = None
    default_top_n: int = 10
    ambiguous_terms: tuple[AmbiguousTerm, ...] = ()
    not_available: tuple[NotAvailable, ...] = ()
    paraphrases: tuple[Paraphrase, ...] = ()


class ItemDefinition(Definition):
    name: Name
    expr: Text
    description: Text
    synonyms: tuple[str, ...] = ()
    x_nl: ItemExtension = ItemExtension()


class FactDefinition(ItemDefinition):
    """A number of a row, before any aggregation."""

    data_type: DataType
    sample_values: tuple[str, ...] = ()
    labels: tuple[Literal["filter"], ...] = ()


class DimensionDefinition(FactDefinition):
    """What rows are grouped and filtered by."""

    is_enum: bool = False
    unique: bool = False


class TimeDimensionDefinition(FactDefinition):
    """A date or a moment, which a query may round to a grain."""


class MetricDefinition(ItemDefinition):
    """An aggregate over the rows of one table, or a formula over such aggregates; ``x_nl.data_type`` gives its type."""


class BaseTable(Definition):
    database: Name
    schema_: Name = Field(alias="schema")
    table: Name


class Key(Definition):
    columns: tuple[Name, ...] = Field(min_length=1)


class NamedFilter(Definition):
    """A condition with a name, for questions; the compiler does not read it."""

    name: Name
    expr: Text
    description: str = ""
    synonyms: tuple[str, ...] = ()


class TableDefinition(Definition):
    name: Name
    description: Text
    synonyms: tuple[str, ...] = ()
    base_table: BaseTable
    primary_key: Key
    unique_keys: tuple[Key, ...] = ()
    dimensions: tuple[DimensionDefinition, ...] = ()
    time_dimensions: tuple[TimeDimensionDefinition, ...] = ()
    facts: tuple[FactDefinition, ...] = ()
    metrics: tuple[MetricDefinition, ...] = ()
    filters: tuple[NamedFilter, ...] = ()
    x_nl: TableExtension = TableExtension()


class RelationshipColumn(Definition):
    left_column: Name
    right_column: Name


class RelationshipDefinition(Definition):
    """Many rows of the left table belong to at most one row of the right table."""

    name: Name
    left_table: Name
    right_table: Name
    relationship_columns: tuple[RelationshipColumn, ...] = Field(min_length=1)


class VerifiedQuery(Definition):
    name: Text
    question: Text
    sql: Text
    verified_at: int | None = None
    verified_by: str | None = None
    use_as_onboarding_question: bool = False


class ModelDefinition(Definition):
    name: Name
    description: Text
    tables: tuple[TableDefinition, ...] = Field(min_length=1)
    relationships: tuple[RelationshipDefinition, ...] = ()
    metrics: tuple[MetricDefinition, ...] = ()
    verified_queries: tuple[VerifiedQuery, ...] = ()
    custom_instructions: str = ""
    module_custom_instructions: dict[Literal["sql_generation", "question_categorization"], str] = {}
    x_nl: ModelExtension = ModelExtension()

    def fingerprint(self) -> str:
        """Return a digest that two models share when, and only when, they say the same."""
        return hashlib.sha256(self.model_dump_json(by_alias=True).encode()).hexdigest()


def read_definition(path: Path) -> ModelDefinition:
    """Read a semantic model file and check its form.

    Raises:
        InvalidDefinition: the file cannot be read, is not YAML, or does not fit the format.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidDefinition(
            f"{path} cannot be read: {error}.", next_action="Give the path of a YAML file."
        ) from error
    return parse_definition(text, source=str(path))


def parse_definition(text: str, *, source: str) -> ModelDefinition:
    """Check the form of a semantic model; ``source`` names it in errors."""
    try:
        return ModelDefinition.model_validate(load_yaml(text, source=source))
    except ValidationError as error:
        raise _explain(error, source) from error


def load_yaml(text: str, *, source: str) -> Any:
    """Return what YAML says, of plain types only.

    Raises:
        InvalidDefinition: it is no YAML, or a mapping has a key twice; ``source`` names it.
    """
    try:
        return yaml.load(text, Loader=_StrictLoader)  # noqa: S506 - a SafeLoader that also refuses duplicate keys
    except yaml.YAMLError as error:
        raise InvalidDefinition(
            f"{source} is not valid YAML: {error}", next_action="Correct the line it names."
        ) from error


class _StrictLoader(yaml.SafeLoader):
    """A safe loader that refuses a key given twice, where YAML would silently keep the second."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Any] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"key {key.value!r} is given twice", key.start_mark)
            seen.add(key.value if isinstance(key, yaml.ScalarNode) else key)
        return super().construct_mapping(node, deep)


def _explain(error: ValidationError, source: str) -> InvalidDefinition:
    faults = [(".".join(str(part) for part in fault["loc"]), fault["msg"]) for fault in error.errors()]
    where, message = faults[0]
    more = f" ({len(faults) - 1} more faults)" if len(faults) > 1 else ""
    return InvalidDefinition(
        f"{source}: {where or 'the file'}: {message}{more}.",
        next_action="Correct the file; unknown keys are refused.",
        details=[{"field": where, "message": message} for where, message in faults],
    )
