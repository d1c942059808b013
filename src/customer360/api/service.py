"""What the routes share: the reader of the workspace, the store, and the gate that queries pass."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Annotated, ParamSpec, TypeVar

from fastapi import Depends, Query, Request

from customer360.ask import Engines
from customer360.errors import Customer360Error, Unavailable
from customer360.monitoring import Recorder
from customer360.semantic import Reader
from customer360.settings import SEMANTIC_MODELS, AppSettings, QuerySettings, ResourceSettings
from customer360.store import Store
from customer360.workspace import Workspace

P = ParamSpec("P")
T = TypeVar("T")

WAITING_PER_WORKER = 8
LONGEST_NAME = 200
MODELS = f"Semantic model to ask: {' or '.join(SEMANTIC_MODELS)}"
ModelName = Annotated[str, Query(max_length=LONGEST_NAME, description=MODELS)]


class Service:
    """The state of one running service."""

    def __init__(
        self, workspace: Workspace, app: AppSettings, queries: QuerySettings, resources: ResourceSettings
    ) -> None:
        self.workspace = workspace
        self.app = app
        self.recorder = Recorder(lambda: Store.beside(workspace.store), "api")
        self.reader = Reader.of(workspace, queries, resources, self.recorder.query)
        self.engines = Engines()
        self.gate = Gate(queries.pool_size)
        self._store: Store | None = None

    async def warm_up(self) -> None:
        """Open the published build before the first request, and take what stays out of garbage collection."""
        with suppress(Customer360Error):
            await self.gate.run(self._open)
        gc.collect()
        gc.freeze()

    def _open(self) -> None:
        self._check_store()
        with self.reader.pin():
            pass

    async def check(self) -> str:
        """Return the id of the published build when everything that answers need is in order.

        Raises:
            Unavailable: nothing is published, or the store is broken.
        """
        self._check_store()
        builds = self.reader.builds
        known = builds.known_id()
        return known if known else await self.gate.run(builds.current_id)

    def _check_store(self) -> None:
        if self._store is None:
            self._store = Store.beside(self.workspace.store)
        self._store.check()

    def close(self) -> None:
        """Let go of builds, threads and connections."""
        self.gate.close()
        self.reader.close()
        self.recorder.close()
        if self._store:
            self._store.close()


class Gate:
    """Lets a fixed number of queries run, a few wait, and turns the rest away at once."""

    def __init__(self, workers: int) -> None:
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="query")
        self._most = workers * (1 + WAITING_PER_WORKER)
        self._inside = 0

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a blocking function on a thread of the pool.

        Raises:
            Unavailable: too many queries wait already.
        """
        if self._inside >= self._most:
            raise Unavailable(
                "Too many queries are waiting.",
                code="queue_full",
                next_action="Try again in a second; CONNECTION_POOL_SIZE sets how many run at the same time.",
            )
        self._inside += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, lambda: function(*args, **kwargs))
        finally:
            self._inside -= 1

    def close(self) -> None:
        """Wait for what runs and end the threads."""
        self._pool.shutdown()


def get_service(request: Request) -> Service:
    """Return the running service."""
    service: Service = request.app.state.service
    return service


RunningService = Annotated[Service, Depends(get_service)]
