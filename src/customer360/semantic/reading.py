"""The one way to read: pin a build, ask it semantic queries, by one of its models and under the limits of the settings.

A published build never changes, so an answer kept in memory stays right for as long as its build is asked.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from cachetools import LRUCache, TTLCache

from customer360.errors import Customer360Error, InvalidInput
from customer360.semantic.figures import Figures
from customer360.semantic.model import SemanticModel, parse_model
from customer360.semantic.query import SemanticQuery
from customer360.semantic.result import SemanticResult
from customer360.semantic.run import run_query
from customer360.settings import (
    DEFAULT_MODEL,
    SEMANTIC_MODELS,
    QuerySettings,
    ResourceSettings,
    memory_limit,
    no_such_model,
)
from customer360.warehouse import BuildRecord, Builds, OpenBuild, open_builds
from customer360.workspace import Workspace

CACHED_ANSWERS = 512
CACHED_ROWS = 1_000
CACHED_MODELS = 8

_Key = tuple[str, str, str]
"""Build, fingerprint of the model and text of the query: what an answer is kept under."""


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
        self._answers: TTLCache[_Key, SemanticResult] = TTLCache(CACHED_ANSWERS, settings.cache_seconds)
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
    def pin(self, build_id: str | None = None, model: str = DEFAULT_MODEL) -> Iterator[Reading]:
        """Read one build by one of its models from start to end: the published one unless an id is given.

        Raises:
            InvalidInput: there is no such model, or the build is older than it.
        """
        with self.builds.pin(build_id) as build:
            yield Reading(build, self.model(build, model), self)

    def model(self, build: OpenBuild, name: str) -> SemanticModel:
        """Return a model of a build; builds with the same text share one.

        Raises:
            InvalidInput: there is no such model, or the build is older than it.
        """
        if name not in build.models:
            raise _older(build, name) if name in SEMANTIC_MODELS else no_such_model(name)
        text = build.models[name]
        with self._reading:
            model = self._models.get(text)
            if model is None:
                source = f"the model {name} of {build.build_id}"
                model = self._models[text] = parse_model(text, source=source)
            return model

    def recall(self, key: _Key) -> SemanticResult | None:
        """Return the answer that was kept for this query of this build by this model."""
        with self._guard:
            return self._answers.get(key)

    def remember(self, key: _Key, answer: SemanticResult) -> None:
        """Keep an answer that is small enough."""
        if answer.rows_returned <= CACHED_ROWS and self.settings.cache_seconds > 0:
            with self._guard:
                self._answers[key] = answer

    def close(self) -> None:
        """Let go of every open build."""
        self.builds.close()


@dataclass(frozen=True)
class Reading:
    """One build while somebody reads it by one of its models."""

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

    def by_model(self, name: str) -> Reading:
        """Return the reading of the same build by another of its models.

        Raises:
            InvalidInput: there is no such model, or the build is older than it.
        """
        return replace(self, model=self.reader.model(self.build, name))

    def ask(self, query: SemanticQuery, *, keep: bool = False, rows_available: int | None = None) -> SemanticResult:
        """Answer a query; ``keep`` lets the answer be given again without asking the engine.

        ``rows_available`` is how many rows there are without the limit, where a figure of the same build says so.

        Raises:
            InvalidQuery: the query does not fit the model.
            QueryTimeout: it took longer than the settings allow.
        """
        started, key = time.perf_counter(), (self.build.build_id, self.model.fingerprint, query.model_dump_json())
        status, rows, kept = "failed", 0, self.reader.recall(key) if keep else None
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
            self.reader.remember(key, answer)
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


def _older(build: OpenBuild, name: str) -> InvalidInput:
    return InvalidInput(
        f"Build {build.build_id} has no semantic model {name!r}: it was made before there was one.",
        code="no_model_in_build",
        next_action="customer360 build makes one that has it.",
    )
