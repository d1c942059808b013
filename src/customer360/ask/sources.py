"""What questions are put to: one pinned build, or any DuckDB file with the model's tables.

An engine knows the values of one build, so it is made once for a build and kept; a build never changes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from cachetools import LRUCache

from customer360.ask.engine import Engine
from customer360.ask.guide import Guide
from customer360.ask.lexicon import Values
from customer360.ask.restrict import restrict_model
from customer360.ask.values import read_days, read_values
from customer360.clock import Clock, utc_now
from customer360.errors import InvalidDefinition, InvalidInput
from customer360.semantic import (
    Figures,
    Item,
    Kind,
    ModelDefinition,
    Reading,
    SemanticModel,
    SemanticQuery,
    SemanticResult,
    parse_model,
    run_query,
    without_rollups,
)
from customer360.warehouse import DuckDBWarehouse, open_database

KEPT_ENGINES = 8


@dataclass(frozen=True)
class Source:
    """Somewhere that answers queries, with the engine that reads questions about it."""

    guide: Guide
    figures: Figures
    build_id: str
    as_of: date
    ask: Callable[[SemanticQuery], SemanticResult]
    gone: tuple[str, ...] = ()
    """Names of the model that the database lacks."""
    elsewhere: Callable[[str], str] = lambda _: ""
    """Returns the name of another model of the same build that answers a question, or nothing."""

    @property
    def engine(self) -> Engine:
        return self.guide.engine

    @property
    def model(self) -> SemanticModel:
        return self.engine.model


class Engines:
    """The engines of a workspace's builds and of models that came as text, each made when it is first needed."""

    def __init__(self) -> None:
        self._guides: LRUCache[tuple[str, str], Guide] = LRUCache(KEPT_ENGINES)
        self._making = threading.Lock()

    def source(self, reading: Reading) -> Source:
        """Return one pinned build, ready to be asked."""
        return Source(
            self.guide(reading),
            reading.figures,
            reading.build.build_id,
            reading.record.as_of,
            lambda query: reading.ask(query, keep=True),
            elsewhere=lambda question: self._find_other(reading, question),
        )

    def guide(self, reading: Reading) -> Guide:
        """Return the guide of the model that a pinned build is read by."""
        return self._kept(reading, reading.model, lambda: _engine_of(reading))

    def _find_other(self, reading: Reading, question: str) -> str:
        """Return the name of another model of the build that answers a question on its own, or nothing."""
        for name in reading.build.models:
            other = reading.by_model(name)
            if other.model != reading.model and self.guide(other).is_readable(question):
                return name
        return ""

    def guide_of_text(self, reading: Reading, text: str) -> Guide:
        """Return the guide of a model given as YAML text, without roll-ups, which nobody held against the build.

        A model that says what one of the build's says is that one. For any other the data is not asked anything: its
        engine knows the values of the model that the build is read by where both read the same column, and the sample
        values that the text gives itself.

        Raises:
            InvalidDefinition: it is no semantic model, or not a sound one.
        """
        model = _parsed(text)
        for name in reading.build.models:
            if (own := reading.by_model(name)).model == model:
                return self.guide(own)
        known, bare = self.guide(reading).engine, without_rollups(model)
        return self._kept(reading, bare, lambda: Engine(bare, _known_values(bare, known), known.newest, known.oldest))

    def _kept(self, reading: Reading, model: SemanticModel, make: Callable[[], Engine]) -> Guide:
        key = (reading.build.build_id, model.fingerprint)
        with self._making:
            if key not in self._guides:
                self._guides[key] = Guide(make())
            return self._guides[key]


def _engine_of(reading: Reading) -> Engine:
    warehouse, suffix = reading.build.warehouse, reading.build.schema_suffix
    values = read_values(warehouse, reading.model, schema_suffix=suffix)
    oldest, newest = read_days(warehouse, reading.model, schema_suffix=suffix)
    return Engine(reading.model, values, newest or reading.record.as_of, oldest)


def _parsed(text: str) -> SemanticModel:
    try:
        return parse_model(text, source="semantic_model")
    except RecursionError:
        raise InvalidDefinition("semantic_model is nested too deeply.", next_action="Correct the YAML.") from None


def _known_values(model: SemanticModel, known: Engine) -> Values:
    """Return the values of a model's text dimensions: those of the same column of a known one, or its samples."""
    columns = {
        _column(known.model, item): known.values[item.full_name]
        for item in known.model.items
        if item.full_name in known.values
    }
    found = {
        item.full_name: columns.get(_column(model, item)) or item.sample_values
        for item in model.list_items({Kind.DIMENSION})
        if item.data_type in ("VARCHAR", "TEXT")
    }
    return {name: kept for name, kept in found.items() if kept}


def _column(model: SemanticModel, item: Item) -> tuple[str, str, str]:
    table = model.tables[item.table]
    return table.schema, table.physical, item.expression.sql("duckdb").lower()


@contextmanager
def open_source(
    path: Path,
    definition: ModelDefinition,
    *,
    figures: Figures,
    timeout: float | None = None,
    threads: int = 2,
    memory: str = "2GB",
    clock: Clock = utc_now,
) -> Iterator[Source]:
    """Open any DuckDB file with tables of the model, read-only; what it lacks is switched off and named in ``gone``.

    ``clock`` tells today where the file has no transactions to tell the newest day.

    Raises:
        NotFound: there is no such file.
        InvalidInput: it is no DuckDB database, or it has none of the tables.
    """
    warehouse = open_database(path, threads=threads, memory=memory)
    try:
        model, gone = _restricted(warehouse, definition, path)
        oldest, newest = read_days(warehouse, model)
        engine = Engine(model, read_values(warehouse, model), newest or clock().date(), oldest)

        def ask(query: SemanticQuery) -> SemanticResult:
            as_of = engine.newest
            return run_query(warehouse, model, query, build_id=path.name, as_of_date=as_of, timeout=timeout)

        yield Source(Guide(engine), figures, path.name, engine.newest, ask, gone)
    finally:
        warehouse.close()


def _restricted(
    warehouse: DuckDBWarehouse, definition: ModelDefinition, path: Path
) -> tuple[SemanticModel, tuple[str, ...]]:
    catalogue: dict[str, set[str]] = {}
    for schema, table, column in warehouse.columns():
        catalogue.setdefault(f"{schema}.{table}".lower(), set()).add(column.lower())
    wanted = {f"{one.base_table.schema_}.{one.base_table.table}".lower() for one in definition.tables}
    if not wanted & catalogue.keys():
        raise InvalidInput(
            f"{path} has none of the model's tables.",
            code="no_tables",
            next_action=f"They are {', '.join(sorted(wanted)[:4])} and so on.",
        )
    return restrict_model(definition, {name: frozenset(columns) for name, columns in catalogue.items()})
