"""Cortex Analyst's semantic model, and the YAML that ``SYSTEM$READ_YAML_FROM_SEMANTIC_VIEW`` gives.

Invariant: keys are taken one by one, so that one which Snowflake adds later is reported and not passed over.
https://docs.snowflake.com/en/user-guide/views-semantic/semantic-view-yaml-spec
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlglot import exp

from customer360.semantic.definition import ModelExtension, TableExtension
from customer360.semantic.importing.draft import Draft, DraftItem, DraftQuery, DraftRelationship, DraftTable, Origin
from customer360.semantic.importing.given import NAME, Given, label_of, plain_name
from customer360.semantic.importing.items import aggregates, described, extension, read_item
from customer360.semantic.importing.sql import SNOWFLAKE
from customer360.semantic.model import Kind
from customer360.semantic.parts import reasons

KINDS = (
    ("dimensions", Kind.DIMENSION),
    ("time_dimensions", Kind.TIME),
    ("facts", Kind.FACT),
    ("measures", Kind.FACT),
    ("metrics", Kind.METRIC),
)
_AGGREGATES: Mapping[str, tuple[str, Callable[[exp.Column], exp.Expr]]] = {
    "sum": ("total", lambda column: exp.Sum(this=column)),
    "avg": ("average", lambda column: exp.Avg(this=column)),
    "average": ("average", lambda column: exp.Avg(this=column)),
    "min": ("lowest", lambda column: exp.Min(this=column)),
    "max": ("highest", lambda column: exp.Max(this=column)),
    "median": ("median", lambda column: exp.Median(this=column)),
    "count": ("count_of", lambda column: exp.Count(this=column)),
    "count_distinct": ("different", lambda column: exp.Count(this=exp.Distinct(expressions=[column]))),
}
_SEARCH = "Values are read from the database; no search service is asked."
REASON = reasons(
    {
        "tags": "Tags have no place in our format.",
        "variables": "Expressions with variables are not carried out.",
        "max_staleness": "Nothing is materialized.",
        "cortex_search_service": _SEARCH,
        "cortex_search_service_name": _SEARCH,
        "labels": "Only labels: [filter] on a dimension or fact has a meaning here.",
    },
    "Our format has no such key in this place.",
)
NO_QUERY_TABLE = "It is a query and no table; make a view of it, and name that."
NO_TABLE_NAME = "Its name {name!r} needs quotes; a table of our format has a plain name."
AS_METRIC = "It is the metric {name} here."
AS_DIMENSION = "A condition is a true-or-false dimension here, so that questions may name it."
NOT_ADDED = "It may not be added up over {dimensions}, which our compiler would do."
NOT_READ = "Its expression is not understood."
NO_AGGREGATE = "Our format has no aggregate {given!r}."
PATHS = "Which relationship a metric follows is not kept; a question that two ways answer is asked back."
OUTER = "Rows of the left table are kept where the right one has none: {given} joins are left joins here."
NO_JOIN = "Only equal columns relate tables here, not {kind}."
NO_CARDINALITY = "Many rows have to belong to one; {given} is not that."
UNFOLLOWED = "It is kept, but our reader of questions follows no instructions."
NO_TIME = "It is no number of seconds."
_INNER, _LEFT = "inner", ("", "left", "left_outer", "left_join")


def read_snowflake(given: Given) -> Draft:
    """Return what a semantic model or the YAML of a semantic view says."""
    draft = Draft(given.name() if "name" in given else "imported_model", given.text("description"))
    draft.tables = [table for part in given.parts("tables") if (table := read_table(part, draft))]
    relationships = [read_relationship(part) for part in given.parts("relationships")]
    draft.relationships = [one for one in relationships if one]
    derived = [read_item(part, Kind.DERIVED, "metrics", dialects=(SNOWFLAKE,)) for part in given.parts("metrics")]
    draft.metrics = [one for one in derived if one]
    draft.queries = [read_query(part) for part in given.parts("verified_queries")]
    read_extensions(given, draft)
    draft.losses += given.losses(REASON)
    return draft


def read_table(part: Given, draft: Draft, *, dialects: Sequence[str] = (SNOWFLAKE,)) -> DraftTable | None:
    """Return a table with its fields; nothing, and a loss, where it stands on no table."""
    given, name = str(part.left().get("name", "")), part.name()
    base = part.part("base_table")
    fault = NO_QUERY_TABLE if "definition" in base else ""
    places = [] if fault else [base.required(key) for key in ("database", "schema", "table")]
    fault = fault or next((NO_TABLE_NAME.format(name=one) for one in places if not NAME.fullmatch(one)), "")
    if fault:
        part.lose_all("tables", fault)
        draft.gone[name] = fault
        return None
    database, schema, physical = places
    table = DraftTable(name, Origin(part.path, "tables"), database, schema, physical)
    table.description, table.synonyms = part.text("description"), part.texts("synonyms")
    table.label = label_of(given, name)
    table.key = [one.lower() for one in part.part("primary_key").texts("columns")]
    keys = [[one.lower() for one in key.texts("columns")] for key in part.parts("unique_keys")]
    table.unique_keys = [key for key in keys if key]
    table.x_nl = extension(part, TableExtension)
    _Fields(table, draft, dialects).read(part)
    return table


class _Fields:
    """Reads the fields, metrics and filters of one table into it."""

    def __init__(self, table: DraftTable, draft: Draft, dialects: Sequence[str]) -> None:
        self._table = table
        self._draft = draft
        self._dialects = dialects

    def read(self, part: Given) -> None:
        """Read all of a table's part."""
        for feature, kind in KINDS:
            for inner in part.parts(feature):
                self._read_field(inner, kind, feature)
        for inner in part.parts("filters"):
            self._read_filter(inner)

    def _read_field(self, part: Given, kind: Kind, feature: str) -> None:
        name = plain_name(str(part.left().get("name", "")))
        default = part.text("default_aggregation").casefold() if kind is Kind.FACT else ""
        paths, unadded = part.take("using_relationships"), part.parts("non_additive_dimensions")
        if unadded:
            listed = " or ".join(one.text("dimension") or one.text("table") for one in unadded)
            part.lose_all(feature, NOT_ADDED.format(dimensions=listed))
            self._draft.gone[f"{self._table.name}.{name}"] = NOT_ADDED.format(dimensions=listed)
            return
        item = read_item(part, kind, feature, dialects=self._dialects)
        if item is None:
            self._draft.gone[f"{self._table.name}.{name}"] = NOT_READ
            return
        self._table.items.append(item)
        if paths:
            part.note("using_relationships", PATHS)
        if kind is Kind.FACT:
            self._read_aggregate(part, item, feature, default)

    def _read_aggregate(self, part: Given, item: DraftItem, feature: str, default: str) -> None:
        """Let a fact that aggregates be a metric, and one with a default aggregation have a metric beside it."""
        if aggregates(item.tree):
            item.kind, item.more = Kind.METRIC, {}
            if feature == "facts":
                part.note("expr", AS_METRIC.format(name=item.name))
        elif default not in ("", *_AGGREGATES):
            part.note("default_aggregation", NO_AGGREGATE.format(given=default))
        elif default:
            word, aggregate = _AGGREGATES[default]
            name = self._table.free(f"{word}_{item.name}")
            origin = Origin(f"{part.path}.default_aggregation", "default_aggregation")
            self._table.items.append(DraftItem(Kind.METRIC, name, aggregate(exp.column(item.name)), origin))
            part.note("default_aggregation", AS_METRIC.format(name=name))

    def _read_filter(self, part: Given) -> None:
        """Read a named condition as a dimension that is true or false, which questions can name."""
        if not self._table.is_free(plain_name(str(part.left().get("name", "")))):
            raise part.fault("name", part.take("name"), "is the name of another thing of its table too", "Rename one.")
        item = read_item(part, Kind.DIMENSION, "filters", dialects=self._dialects)
        if item is not None:
            item.data_type = "BOOLEAN"
            item.more.setdefault("labels", ["filter"])
            self._table.items.append(item)
            part.note("expr", AS_DIMENSION)


def read_relationship(part: Given) -> DraftRelationship | None:
    """Return a relationship from many rows to one; nothing, and a loss, where it is another kind."""
    left, right = part.name("left_table"), part.name("right_table")
    name = part.name() if "name" in part else f"{left}_to_{right}"
    join = part.text("join_type").casefold()
    cardinality = part.text("relationship_type").casefold().replace("-", "_")
    pairs, kinds = _pairs(part)
    fault = NO_JOIN.format(kind=f"{kinds[0]} joins") if kinds else ""
    fault = fault or (NO_CARDINALITY.format(given=cardinality) if cardinality.startswith("many_to_many") else "")
    fault = fault or (NO_JOIN.format(kind=f"{join} joins") if join not in (_INNER, *_LEFT) else "")
    if fault:
        part.lose_all("relationships", fault)
        return None
    if join == _INNER:
        part.note("join_type", OUTER.format(given=join))
    if cardinality == "one_to_many":
        left, right, pairs = right, left, [(far, near) for near, far in pairs]
    return DraftRelationship(name, left, right, pairs, Origin(part.path, "relationships"))


def _pairs(part: Given) -> tuple[list[tuple[str, str]], list[str]]:
    """Return the columns that match, and the kinds of match that are none of equal values."""
    pairs, kinds = [], []
    for one in part.parts("relationship_columns"):
        kind = one.text("type").casefold()
        if kind not in ("", "equality", "equi") or "right_range" in one:
            kinds.append(kind or "range")
            continue
        pairs.append((one.required("left_column").lower(), one.required("right_column").lower()))
    if not pairs and not kinds:
        raise part.fault("relationship_columns", None, "is needed here", "Name the columns of both tables.")
    return pairs, kinds


def read_query(part: Given) -> DraftQuery:
    """Return a verified query; whether its SQL fits is known when the model is."""
    content: dict[str, Any] = {"name": part.required("name")}
    content |= {"question": part.required("question"), "sql": part.required("sql")}
    at = part.take("verified_at")
    if isinstance(at, int) and not isinstance(at, bool):
        content["verified_at"] = at
    elif at is not None:
        part.note("verified_at", NO_TIME)
    content |= {"verified_by": part.text("verified_by")}
    content |= {"use_as_onboarding_question": part.flag("use_as_onboarding_question") or None}
    return DraftQuery(described(content), Origin(part.path, "verified_queries"))


def read_extensions(given: Given, draft: Draft) -> None:
    """Read what is of the whole model: instructions for Cortex Analyst, which stay in the file, and what is ours."""
    draft.instructions |= _instructions(given)
    draft.x_nl = extension(given, ModelExtension)


def _instructions(given: Given) -> dict[str, Any]:
    text = given.text("custom_instructions")
    modules = given.part("module_custom_instructions")
    kept = {key: modules.text(key) for key in ("sql_generation", "question_categorization")}
    found = described({"custom_instructions": text, "module_custom_instructions": described(kept)})
    for key in found:
        given.note(key, UNFOLLOWED)
    return found
