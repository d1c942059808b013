"""dbt's ``semantic_manifest.json``: semantic models of MetricFlow as tables, entities as keys and relationships.

Invariant: what dbt leaves empty in the manifest says nothing and is no loss; everything else is read or reported.
https://docs.getdbt.com/docs/build/about-metricflow; the shape is that of dbt-semantic-interfaces 0.9.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlglot import exp

from customer360.semantic.importing.dbt_metrics import Metrics, read_measure
from customer360.semantic.importing.dbt_parts import (
    NOT_PLAIN,
    Entity,
    Manifest,
    Node,
    dialects,
    label_of_part,
    meta_synonyms,
)
from customer360.semantic.importing.draft import Draft, DraftItem, DraftRelationship, DraftTable, Origin
from customer360.semantic.importing.given import NAME, Given, plain_name
from customer360.semantic.importing.items import read_item
from customer360.semantic.importing.sql import NotImported, read_sql, write_sql
from customer360.semantic.model import Kind
from customer360.semantic.parts import reasons

NOWHERE = "LOCAL"
NO_MANIFEST = "Give the manifest and not the YAML of dbt: dbt parse writes target/semantic_manifest.json."
DAY, COARSER = "day", ("week", "month", "quarter", "year")
NO_PLACE = "Its relation {name!r} needs quotes; a table of our format has a plain name."
NO_SPINE = "No time spine is needed here: days without rows have no figure."
SAVED = "A saved query is no question; write it as a verified query."
PLACE_IN_FILE = "Where it stands in the project is not kept."
VALIDITY = "A row counts whatever the time; a table of versions has to be narrowed to the current ones by a view."
COARSE = "Its dates are of {grain}s; here a question may ask for finer ones, which have no meaning of their own."
UNPAIRED = "No semantic model has the entity {name} as its key, so that it relates nothing; it is a dimension here."
NATURAL = "A natural key holds for a time only; it is a dimension here."
NO_KEY_COLUMN = "Its key is an expression, which our format cannot have; it is a dimension here."
DATED_OTHERWISE = "Questions about the table are asked by {default}, this one too."
PARTITION = "Partitions mean nothing here."
REASON = reasons(
    {
        "metadata": PLACE_IN_FILE,
        "saved_queries": SAVED,
        "project_configuration": NO_SPINE,
        "is_partition": PARTITION,
        "type_params.validity_params": VALIDITY,
        "type_params": VALIDITY,
    },
    "Our format has no such key in this place.",
)


def read_dbt(given: Given) -> Draft:
    """Return what a semantic manifest says.

    Raises:
        InvalidDefinition: it is dbt's YAML and not its manifest, or a part has not the form that dbt writes.
    """
    manifest = Manifest(Given(_filled(given.left()), file=given.file))
    part = manifest.given
    draft = Draft("dbt_semantic_model", "Semantic models of a dbt project.", names_columns=True)
    _take_version(part)
    for one in part.parts("semantic_models"):
        _read_model(one, manifest, draft)
    draft.relationships = _relationships(manifest, draft)
    _read_facts(manifest)
    Metrics(manifest, draft).read(part.parts("metrics"))
    draft.losses += part.losses(REASON)
    return draft


def _filled(value: Any) -> Any:
    """Return what is said, without what dbt writes for everything that nobody said."""
    if isinstance(value, Mapping):
        kept = {key: _filled(one) for key, one in value.items()}
        return {key: one for key, one in kept.items() if one is not False and one not in (None, "", [], {})}
    return [_filled(one) for one in value] if isinstance(value, list) else value


def _take_version(part: Given) -> None:
    configuration = part.part("project_configuration") if "project_configuration" in part else None
    if configuration is not None:
        configuration.take("dsi_package_version")


def _read_model(part: Given, manifest: Manifest, draft: Draft) -> None:
    name, place = part.name(), _place(part)
    fault = next((NO_PLACE.format(name=one) for one in place if not NAME.fullmatch(one)), "")
    if fault:
        part.lose_all("semantic_models", fault)
        draft.gone[name] = fault
        return
    table = DraftTable(name, Origin(part.path, "semantic_models"), *place)
    table.description, table.label = part.text("description"), label_of_part(part, name)
    table.synonyms = meta_synonyms(part)
    node = Node(part, table, primary_entity=part.text("primary_entity"))
    manifest.nodes[name] = node
    draft.tables.append(table)
    _read_defaults(node)
    for one in part.parts("dimensions"):
        _read_dimension(one, node, draft)
    for one in part.parts("entities"):
        _read_entity(one, node)
    for one in part.parts("measures"):
        read_measure(one, node)


def _place(part: Given) -> tuple[str, str, str]:
    if "node_relation" not in part:
        raise part.fault("node_relation", None, "is needed here", NO_MANIFEST)
    relation = part.part("node_relation")
    relation.text("relation_name")
    return relation.text("database") or NOWHERE, relation.required("schema_name"), relation.required("alias")


def _read_defaults(node: Node) -> None:
    default = node.part.part("defaults").text("agg_time_dimension") if "defaults" in node.part else ""
    if default:
        node.default_date = plain_name(default)
        node.table.x_nl["default_time_dimension"] = node.default_date


def _read_dimension(part: Given, node: Node, draft: Draft) -> None:
    label, synonyms = label_of_part(part, plain_name(part.required("name"))), meta_synonyms(part)
    part.add({"name": part.path.rpartition(".")[2]})
    is_time = part.text("type") == "time"
    grain = part.part("type_params").text("time_granularity") if "type_params" in part else ""
    item = read_item(part, Kind.TIME if is_time else Kind.DIMENSION, "dimensions", dialects=dialects)
    if item is None:
        draft.gone[f"{node.table.name}.{plain_name(part.path.rpartition('.')[2])}"] = NOT_PLAIN
        return
    item.label, item.synonyms = label or item.label, synonyms
    if grain in COARSER:
        part.note("type_params.time_granularity", COARSE.format(grain=grain))
    if is_time and grain in (DAY, *COARSER):
        item.tree = exp.cast(item.tree, "DATE")
        item.text, item.data_type = write_sql(item.tree), "DATE"
    node.table.items.append(item)


def _read_entity(part: Given, node: Node) -> None:
    """Read an entity as what it is to the table: its key, another key, or the way to another table."""
    name, kind = part.name(), part.text("type")
    text = part.text("expr") or name
    try:
        tree = read_sql(text, dialects)
    except NotImported as reason:
        part.lose_all("entities", str(reason))
        return
    column = tree.name if isinstance(tree, exp.Column) else ""
    entity = Entity(name, kind, column, part)
    node.entities.append(entity)
    if kind == "primary" and column:
        node.table.key = [column]
    elif kind == "unique" and column:
        node.table.unique_keys.append([column])
    elif kind == "natural":
        part.note("type", NATURAL)
    elif not column:
        part.note("expr", NO_KEY_COLUMN)
    field = column or name
    if (kind != "foreign" or not column) and node.table.is_free(field):
        item = DraftItem(Kind.DIMENSION, field, tree, Origin(part.path, "entities"))
        item.description, item.label = part.text("description"), label_of_part(part, name)
        item.synonyms = meta_synonyms(part)
        node.table.items.append(item)
        return
    for key in ("description", "label", "role", "config"):
        part.take(key)


def _relationships(manifest: Manifest, draft: Draft) -> list[DraftRelationship]:
    """Relate tables as their entities do: a foreign one to the table that has it as its key."""
    found = []
    nodes = list(manifest.nodes.values())
    for place, node in enumerate(nodes):
        for entity in node.entities:
            others = [(other, key) for other in nodes if other is not node and (key := other.key_of(entity.name))]
            if entity.kind == "foreign" and entity.column:
                if not others:
                    _as_dimension(node, entity)
                found += [_related(node, entity, other, key) for other, key in others[:1]]
            elif entity.kind == "primary" and entity.column:
                twins = [(other, key) for other, key in others if nodes.index(other) > place and key.kind == "primary"]
                found += [_related(node, entity, other, key) for other, key in twins]
    return [one for one in found if draft.table(one.left) and draft.table(one.right)]


def _related(node: Node, entity: Entity, other: Node, key: Entity) -> DraftRelationship:
    left, right = node.table.name, other.table.name
    name, origin = f"{left}_{entity.name}_to_{right}", Origin(entity.part.path, "entities")
    return DraftRelationship(name, left, right, [(entity.column, key.column)], origin)


def _as_dimension(node: Node, entity: Entity) -> None:
    entity.part.note("type", UNPAIRED.format(name=entity.name))
    if node.table.is_free(entity.column):
        origin = Origin(entity.part.path, "entities")
        node.table.items.append(DraftItem(Kind.DIMENSION, entity.column, exp.column(entity.column), origin))


def _read_facts(manifest: Manifest) -> None:
    """Let what measures aggregate be a fact where its name is free, so that it has a median and can be compared."""
    taken = {plain_name(one) for one in manifest.metric_names()}
    for node in manifest.nodes.values():
        for measure in node.measures.values():
            inner = measure.inner
            is_plain = isinstance(inner, exp.Column) and measure.adds
            if is_plain and inner.name not in taken and node.table.is_free(inner.name):
                fact = DraftItem(Kind.FACT, inner.name, inner.copy(), measure.origin, is_number=True)
                fact.description = measure.description
                node.table.items.append(fact)
