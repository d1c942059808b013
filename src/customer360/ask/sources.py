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
from customer360.ask.restrict import restrict_model
from customer360.ask.values import read_days, read_values
from customer360.clock import Clock, utc_now
from customer360.errors import InvalidInput
from customer360.semantic import (
    Figures,
    ModelDefinition,
    Reading,
    SemanticModel,
    SemanticQuery,
    SemanticResult,
    run_query,
)
from customer360.warehouse import DuckDBWarehouse, Warehouse, open_database

KEPT_ENGINES = 4


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

    @property
    def engine(self) -> Engine:
        return self.guide.engine

    @property
    def model(self) -> SemanticModel:
        return self.engine.model


class Engines:
    """The engines of a workspace's builds, each made when it is first needed."""

    def __init__(self) -> None:
        self._guides: LRUCache[str, Guide] = LRUCache(KEPT_ENGINES)
        self._making = threading.Lock()

    def source(self, reading: Reading) -> Source:
        """Return one pinned build, ready to be asked."""
        build = reading.build
        with self._making:
            guide = self._guides.get(build.build_id)
            if guide is None:
                engine = build_engine(
                    build.warehouse, reading.model, newest=reading.record.as_of, schema_suffix=build.schema_suffix
                )
                guide = self._guides[build.build_id] = Guide(engine)
        return Source(
            guide, reading.figures, build.build_id, reading.record.as_of, lambda query: reading.ask(query, keep=True)
        )


def build_engine(warehouse: Warehouse, model: SemanticModel, *, newest: date, schema_suffix: str = "") -> Engine:
    """Return the reader of questions about one build; ``newest`` counts where no transaction tells the newest day."""
    values = read_values(warehouse, model, schema_suffix=schema_suffix)
    oldest, last = read_days(warehouse, model, schema_suffix=schema_suffix)
    return Engine(model, values, last or newest, oldest)


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
