"""The one way to read: pin a build, ask it semantic queries, with its own model and under the limits of the settings.

A published build never changes, so an answer kept in memory stays right for as long as its build is asked.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from cachetools import LRUCache, TTLCache

from customer360.errors import Customer360Error
from customer360.semantic.figures import Figures
from customer360.semantic.model import SemanticModel, parse_model
from customer360.semantic.query import SemanticQuery
from customer360.semantic.result import SemanticResult
from customer360.semantic.run import run_query
from customer360.settings import QuerySettings, ResourceSettings, memory_limit
from customer360.warehouse import BuildRecord, Builds, OpenBuild, open_builds
from customer360.workspace import Workspace

CACHED_ANSWERS = 512
CACHED_ROWS = 1_000
CACHED_MODELS = 4


@dataclass(frozen=True)
class Asked:
    """How one query went; ``status`` is ``answered`` or the code of the error that it ended with."""

    build_id: str
    seconds: float
    rows_returned: int
    from_cache: bool
    status: str


Observer = Callable[[Asked], None]


def ignore(_: Asked) -> None:
    """Look away."""


class Reader:
    """Gives out readings of a workspace's builds; one per process."""

    def __init__(self, builds: Builds, settings: QuerySettings, observe: Observer = ignore) -> None:
        self.builds = builds
        self.settings = settings
        self.observe = observe
        self._answers: TTLCache[tuple[str, str], SemanticResult] = TTLCache(CACHED_ANSWERS, settings.cache_seconds)
        self._guard = threading.Lock()
        self._models: LRUCache[str, SemanticModel] = LRUCache(CACHED_MODELS)
        self._reading = threading.Lock()

    @classmethod
    def of(
        cls, workspace: Workspace, settings: QuerySettings, resources: ResourceSettings, observe: Observer = ignore
    ) -> Reader:
        """Return a reader with its share of the machine; ``observe`` is told how each query went."""
        memory = memory_limit(resources.serve_memory)
        builds = open_builds(workspace, threads=resources.serve_threads, memory=memory, pool_size=settings.pool_size)
        return cls(builds, settings, observe)

    @contextmanager
    def pin(self, build_id: str | None = None) -> Iterator[Reading]:
        """Read one build from start to end: the published one unless an id is given."""
        with self.builds.pin(build_id) as build:
            yield Reading(build, self._model(build), self)

    def _model(self, build: OpenBuild) -> SemanticModel:
        """Return a build's model; builds with the same text share one."""
        with self._reading:
            model = self._models.get(build.model)
            if model is None:
                model = self._models[build.model] = parse_model(build.model, source=f"the model of {build.build_id}")
            return model

    def recall(self, build_id: str, query: SemanticQuery) -> SemanticResult | None:
        """Return the answer that was kept for this query of this build."""
        with self._guard:
            return self._answers.get((build_id, query.model_dump_json()))

    def remember(self, query: SemanticQuery, answer: SemanticResult) -> None:
        """Keep an answer that is small enough."""
        if answer.rows_returned <= CACHED_ROWS and self.settings.cache_seconds > 0:
            with self._guard:
                self._answers[answer.build_id, query.model_dump_json()] = answer

    def close(self) -> None:
        """Let go of every open build."""
        self.builds.close()


@dataclass(frozen=True)
class Reading:
    """One build while somebody reads it."""

    build: OpenBuild
    model: SemanticModel
    reader: Reader

    @property
    def record(self) -> BuildRecord:
        return self.build.record

    @property
    def figures(self) -> Figures:
        """How this dataset writes numbers and money."""
        return Figures(self.record.dataset["currency"], self.record.dataset["locale"])

    def ask(self, query: SemanticQuery, *, keep: bool = False, rows_available: int | None = None) -> SemanticResult:
        """Answer a query; ``keep`` lets the answer be given again without asking the engine.

        ``rows_available`` is how many rows there are without the limit, where a figure of the same build says so.

        Raises:
            InvalidQuery: the query does not fit the model.
            QueryTimeout: it took longer than the settings allow.
        """
        started = time.perf_counter()
        status, rows, kept = "failed", 0, self.reader.recall(self.build.build_id, query) if keep else None
        try:
            answer = kept or self._run(query, rows_available)
            status, rows = "answered", answer.rows_returned
        except Customer360Error as error:
            status = error.code
            raise
        finally:
            seconds = time.perf_counter() - started
            self.reader.observe(Asked(self.build.build_id, seconds, rows, kept is not None, status))
        if keep and kept is None:
            self.reader.remember(query, answer)
        return answer

    def _run(self, query: SemanticQuery, rows_available: int | None) -> SemanticResult:
        return run_query(
            self.build.warehouse,
            self.model,
            query,
            rows_available=rows_available,
            build_id=self.build.build_id,
            as_of_date=self.record.as_of,
            timeout=self.reader.settings.timeout_seconds,
            schema_suffix=self.build.schema_suffix,
        )
