"""The parts of a semantic manifest that others refer to by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlglot import exp

from customer360.semantic.importing.draft import DraftTable, Origin
from customer360.semantic.importing.given import Given, plain_name
from customer360.semantic.importing.sql import OURS, SNOWFLAKE

dialects = (OURS, SNOWFLAKE)
"""The manifest does not name the engine of the project."""
NOT_PLAIN = "Its expression is not understood."


@dataclass(frozen=True)
class Entity:
    """What a semantic model says that its rows are of, or belong to."""

    name: str
    kind: str
    column: str
    part: Given


@dataclass
class Measure:
    """An aggregate of a semantic model: which of what, as a tree over its columns."""

    name: str
    part: Given
    origin: Origin
    inner: exp.Expr
    how: str
    percentile: float | None = None
    is_discrete: bool = False
    description: str = ""
    label: str = ""
    fault: str = ""
    date: str = ""

    @property
    def adds(self) -> bool:
        """Whether it aggregates numbers of rows, and does not count them."""
        return self.how in ("sum", "average", "min", "max", "median", "percentile")


@dataclass
class Node:
    """One semantic model with the table that it becomes."""

    part: Given
    table: DraftTable
    primary_entity: str = ""
    default_date: str = ""
    entities: list[Entity] = field(default_factory=list)
    measures: dict[str, Measure] = field(default_factory=dict)

    def key_of(self, entity: str) -> Entity | None:
        """Return the entity of a name where it tells rows of this table apart."""
        keys = (one for one in self.entities if one.name == entity and one.kind in ("primary", "unique") and one.column)
        return next(keys, None)


@dataclass
class Manifest:
    """The whole file, with its semantic models by name once they are read."""

    given: Given
    nodes: dict[str, Node] = field(default_factory=dict)
    metrics: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        metrics = self.given.left().get("metrics") or []
        named = [one for one in metrics if isinstance(one, Mapping)] if isinstance(metrics, list) else []
        self.metrics = {plain_name(str(one.get("name", ""))): one for one in named}

    def find_measure(self, name: str) -> tuple[Node, Measure] | None:
        """Return the measure of a name, which is the only one in the whole manifest."""
        for node in self.nodes.values():
            if name in node.measures:
                return node, node.measures[name]
        return None

    def metric_names(self) -> Iterator[str]:
        """Yield the names of all metrics."""
        yield from self.metrics

    def find_metric(self, name: str) -> Mapping[str, Any] | None:
        """Return what a metric says."""
        return self.metrics.get(name)


def label_of_part(part: Given, name: str) -> str:
    """Take a label; dbt writes the name where nobody gave one."""
    label = part.text("label")
    return "" if label.casefold() == name else label


def meta_synonyms(part: Given) -> list[str]:
    """Take synonyms from the metadata, which is where projects keep them; dbt has no place of its own for them."""
    if "config" not in part:
        return []
    meta = part.part("config").part("meta")
    return meta.texts("synonyms") if isinstance(meta.left().get("synonyms"), list) else []
