"""The engines of a service's builds: made when a build is first asked, kept while it is.

A model that a client sends as text has an engine without asking the data anything: it knows the values of the served
model where both read the same column, and the sample values that it gives itself.
"""

from __future__ import annotations

import difflib
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from cachetools import LRUCache

from customer360.ask.engine import Engine
from customer360.ask.lexicon import Values
from customer360.ask.readers import read_grammar
from customer360.ask.values import read_days, read_values
from customer360.errors import InvalidDefinition
from customer360.semantic import Item, Kind, Reading, SemanticModel, parse_model

KEPT_ENGINES = 8
MOST_CANDIDATES = 60
FIELDS_OF_A_TABLE = 4


@dataclass(unsafe_hash=True)
class Served:
    """An engine, with questions that it can answer."""

    engine: Engine

    @property
    def model(self) -> SemanticModel:
        """The model that the engine reads questions by."""
        return self.engine.model

    @cached_property
    def answerable(self) -> tuple[str, ...]:
        """Questions that the engine answers: those that were verified, then simple ones about each table."""
        verified = sorted(self.model.definition.verified_queries, key=lambda one: not one.use_as_onboarding_question)
        wanted = dict.fromkeys((*(one.question for one in verified), *_simple_questions(self.model)))
        tried = list(wanted)[:MOST_CANDIDATES]
        return tuple(one for one in tried if read_grammar(self.engine, one).status == "answer")

    def nearest(self, question: str, most: int = 3) -> list[str]:
        """Return the answerable questions that are most like one; likeness only puts them in order."""
        matcher = difflib.SequenceMatcher(b=question.casefold()[:200])

        def likeness(other: str) -> float:
            matcher.set_seq1(other.casefold())
            return matcher.ratio()

        return sorted(self.answerable, key=likeness, reverse=True)[:most]


class Engines:
    """Gives out the engine of a build's own model, or of one that came as text."""

    def __init__(self) -> None:
        self._kept: LRUCache[tuple[str, str], Served] = LRUCache(KEPT_ENGINES)
        self._guard = threading.Lock()

    def of(self, reading: Reading) -> Served:
        """Return the engine of the build's own model."""
        key = (reading.build.build_id, reading.model.fingerprint)
        with self._guard:
            if key not in self._kept:
                warehouse, suffix = reading.build.warehouse, reading.build.schema_suffix
                values = read_values(warehouse, reading.model, schema_suffix=suffix)
                oldest, newest = read_days(warehouse, reading.model, schema_suffix=suffix)
                self._kept[key] = Served(Engine(reading.model, values, newest or reading.record.as_of, oldest))
            return self._kept[key]

    def of_text(self, reading: Reading, text: str) -> Served:
        """Return the engine of a model given as YAML text.

        Raises:
            InvalidDefinition: it is no semantic model, or not a sound one.
        """
        served, model = self.of(reading), _parsed(text)
        key = (reading.build.build_id, model.fingerprint)
        with self._guard:
            if key not in self._kept:
                engine = served.engine
                self._kept[key] = Served(
                    Engine(model, _known_values(model, served.model, engine.values), engine.newest, engine.oldest)
                )
            return self._kept[key]


def _parsed(text: str) -> SemanticModel:
    try:
        return parse_model(text, source="semantic_model")
    except RecursionError:
        raise InvalidDefinition("semantic_model is nested too deeply.", next_action="Correct the YAML.") from None


def _known_values(model: SemanticModel, served: SemanticModel, values: Values) -> Values:
    """Return the values of a model's text dimensions: those of the same column of the served one, or its samples."""
    columns = {_column(served, item): values[item.full_name] for item in served.items if item.full_name in values}
    found = {
        item.full_name: columns.get(_column(model, item)) or item.sample_values
        for item in model.list_items({Kind.DIMENSION})
        if item.data_type in ("VARCHAR", "TEXT")
    }
    return {name: kept for name, kept in found.items() if kept}


def _column(model: SemanticModel, item: Item) -> tuple[str, str, str]:
    table = model.tables[item.table]
    return table.schema, table.physical, item.expression.sql("duckdb").lower()


def _simple_questions(model: SemanticModel) -> Iterator[str]:
    """Yield plain questions about the default measure of each table: itself, and by a few of its fields."""
    for table in model.definition.tables:
        if not (table.x_nl.asked and table.x_nl.default_metric):
            continue
        label = (table.x_nl.default_metric or "").replace("_", " ")
        yield f"What is the {label}?"
        kinds = [one for one in table.dimensions if one.x_nl.asked and one.sample_values]
        for one in kinds[:FIELDS_OF_A_TABLE]:
            yield f"What is the {label} by {one.name.replace('_', ' ')}?"
