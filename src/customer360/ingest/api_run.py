"""One run over a source behind an API: fetch, land, count, so that no record is lost without a word.

Records land as they came, a batch for each chunk of pages, with the file of the chunk beside it like any received file.
A run that dies goes on behind its last chunk; what was on its way is asked for again, and records that come twice are
told apart by source and id.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from customer360.clock import Clock, utc_now
from customer360.ingest.api_chunks import Chunk
from customer360.ingest.api_client import ApiClient, Position
from customer360.ingest.api_contract import Contract, Drift, Drifts
from customer360.ingest.api_cursor import Cursors, Seen, Value, find_value
from customer360.ingest.api_log import LOGGER
from customer360.ingest.api_pages import read_pages
from customer360.ingest.api_sources import ApiSourceFolder, Endpoint
from customer360.ingest.mapping import Mapping, Origin, Part
from customer360.lake import Manifest, commit_batches, discard_batch, incoming_folder, parquet_path
from customer360.workspace import Workspace, hash_file, write_json

CHUNK_RECORDS = 50_000
"""Records that land together; a run that dies fetches at most so many again."""


Progress = Callable[[str, int], None]
"""Called with an endpoint and how many of its records have landed."""


@dataclass
class EndpointReport:
    """What one endpoint gave: pages and records as they came, the batches that they landed in, and what drifted."""

    pages: int = 0
    records: int = 0
    batches: list[str] = field(default_factory=list)
    drifts: list[Drift] = field(default_factory=list)
    since: Value | None = None
    """What it was asked with, where only what changed was asked for."""
    seen: Seen = field(default_factory=Seen)

    @classmethod
    def of(cls, kept: dict[str, Any]) -> EndpointReport:
        """Return what was kept of a run that was cut off."""
        drifts = [Drift(**drift) for drift in kept.get("drifts", [])]
        return cls(**kept | {"drifts": drifts, "seen": Seen(**kept.get("seen", {}))})

    def add_drifts(self, found: Drifts) -> None:
        """Count what drifted among records that have landed."""
        drifts = Drifts()
        for drift in (*self.drifts, *found.found.values()):
            drifts.add(drift)
        self.drifts = list(drifts.found.values())


@dataclass
class IngestRun:
    """What one run did, over all the times that it was cut off."""

    run_id: str
    source: str
    address: str
    started_at: str
    endpoints: dict[str, EndpointReport] = field(default_factory=dict)
    resumed: int = 0
    """How often it went on behind where it was cut off."""

    @property
    def batches(self) -> list[str]:
        return [batch for endpoint in self.endpoints.values() for batch in endpoint.batches]


@dataclass
class _State:
    """A run that has not ended: what it did, and where each endpoint goes on (``None`` where it is through)."""

    run: IngestRun
    following: dict[str, Position | None] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path, address: str) -> _State | None:
        """Return the run that was cut off at this address; one at another is over."""
        if not path.is_file():
            return None
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["run"]["address"] != address:
            return None
        endpoints = {name: EndpointReport.of(report) for name, report in content["run"].pop("endpoints").items()}
        following = {name: place and Position(**place) for name, place in content["following"].items()}
        run = IngestRun(**content["run"], endpoints=endpoints)
        run.resumed += 1
        return cls(run, following)


def fetch_and_land(
    workspace: Workspace,
    folder: ApiSourceFolder,
    client: ApiClient,
    *,
    clock: Clock = utc_now,
    progress: Progress = lambda *_: None,
    started: Callable[[IngestRun], None] = lambda _: None,
) -> IngestRun:
    """Land every record of a source's endpoints; the caller holds the writer's lock.

    Raises:
        Unavailable: the source gave no usable answer; what came before has landed, and the next run goes on behind it.
        AccessRefused: the source refuses the credentials.
        SourceRefused: the source refuses a request, a record drifts where its contract freezes, or a mapping fails.
    """
    path = state_path(workspace, folder.source.name)
    started_at = clock().replace(tzinfo=None).isoformat(timespec="milliseconds")
    run_id = f"{clock():%Y%m%dt%H%M%S}_{secrets.token_hex(2)}"
    fresh = IngestRun(run_id, folder.source.name, client.address, started_at)
    state = _State.read(path, client.address) or _State(fresh)
    started(state.run)
    cursors = Cursors.read(workspace, folder.source, client.address)
    for endpoint in folder.source.endpoints:
        since = cursors.since(endpoint.name, endpoint.incremental)
        landing = _Landing(workspace, folder, client, endpoint=endpoint, state=state, clock=clock)
        landing.run(path, progress, since=since)
    if any(endpoint.incremental for endpoint in folder.source.endpoints):
        _move_on(cursors, folder, state.run)
        cursors.write(workspace, folder.source)
    path.unlink(missing_ok=True)
    return state.run


def _move_on(cursors: Cursors, folder: ApiSourceFolder, run: IngestRun) -> None:
    """Note that all of a run has landed; doing so twice changes nothing."""
    started_at = datetime.fromisoformat(run.started_at).replace(tzinfo=UTC)
    for endpoint in folder.source.endpoints:
        if endpoint.incremental:
            cursors.move_on(endpoint.name, endpoint.incremental, run.endpoints[endpoint.name].seen, started_at)
    batches = {name: report.batches for name, report in run.endpoints.items()}
    cursors.add(run.run_id, batches, whole={name for name, report in run.endpoints.items() if report.since is None})


def state_path(workspace: Workspace, source: str) -> Path:
    """Return where a run that has not ended is remembered."""
    return workspace.home / "ingest" / f"{source}.json"


class _Landing:
    """One endpoint of one run: pages in, batches out."""

    def __init__(
        self,
        workspace: Workspace,
        folder: ApiSourceFolder,
        client: ApiClient,
        *,
        endpoint: Endpoint,
        state: _State,
        clock: Clock,
    ) -> None:
        self._workspace, self._folder, self._client, self._endpoint = workspace, folder, client, endpoint
        self._state, self._clock = state, clock
        self._report = state.run.endpoints.setdefault(endpoint.name, EndpointReport())
        self._contract = Contract(endpoint)
        self._mappings = {table: Mapping(table, folder.mapping(table)) for table in endpoint.tables}

    def run(self, path: Path, progress: Progress, *, since: Value | None) -> None:
        name = self._endpoint.name
        if name not in self._state.following:
            self._report.since = since
            self._state.following[name] = self._start(since)
        position = self._state.following[name]
        if position is None:
            return
        for chunk, following in self._chunks(position):
            if len(chunk):
                self._land(chunk)
            self._report.records += len(chunk)
            self._report.pages += chunk.pages
            self._state.following[name] = following
            write_json(path, asdict(self._state))
            LOGGER.info(
                "landed: %s, %d records of %d pages, %d so far", name, len(chunk), chunk.pages, self._report.records
            )
            progress(name, self._report.records)
        self._state.following[name] = None

    def _start(self, since: Value | None) -> Position:
        """Return where the first page is, of all records or of those that changed."""
        position = self._client.start(self._endpoint)
        if since is None or not self._endpoint.incremental:
            return position
        return replace(position, params=position.params | {self._endpoint.incremental.param: since})

    def _chunks(self, position: Position) -> Iterator[tuple[Chunk, Position | None]]:
        """Yield the records that land together, and where reading goes on behind them."""
        chunk, following = Chunk(), None
        for number, page in enumerate(read_pages(self._client, self._endpoint, position), start=1):
            chunk.add(number, self._contract.check(page.records, chunk.drifts))
            if incremental := self._endpoint.incremental:
                self._report.seen.note(find_value(record, incremental.field) for record in page.records)
            following = page.following
            if len(chunk) >= CHUNK_RECORDS:
                yield chunk, following
                chunk = Chunk()
        if chunk.pages:
            yield chunk, following

    def _land(self, chunk: Chunk) -> None:
        """Land records as one batch, with the file of them beside it."""
        place = f"{len(self._report.batches):05}"
        name = f"api/{self._folder.source.name}/{self._endpoint.name}/{self._state.run.run_id}/{place}.jsonl"
        batch_id = f"{self._folder.source.name}_{self._endpoint.name}_{self._state.run.run_id}_{place}"
        received = incoming_folder(self._workspace) / f"{batch_id}.jsonl"
        chunk.write(received)
        landed_at = self._clock().replace(tzinfo=None)
        source = chunk.as_table(self._folder.source.name, self._state.run.run_id, landed_at)
        origin = Origin(name, batch_id, landed_at.isoformat(timespec="seconds"))
        try:
            with duckdb.connect(config={"threads": 1}) as connection:
                connection.register("source", source)
                tables = {
                    table: mapping.write(
                        connection,
                        source.schema,
                        [Part(origin, len(chunk), parquet_path(self._workspace, table, batch_id))],
                        each_row_counts=True,
                    )[0]
                    for table, mapping in self._mappings.items()
                }
            manifest = Manifest(
                batch_id=batch_id,
                dataset=self._folder.source.name,
                source=name,
                sha256=hash_file(received),
                bytes=received.stat().st_size,
                mapping_sha256=self._folder.mapping_sha256(self._endpoint),
                rows=len(chunk),
                duplicate_rows=None,
                tables=tables,
                landed_at=origin.loaded_at,
            )
            commit_batches(self._workspace, [(manifest, received)])
        except BaseException:
            discard_batch(self._workspace, batch_id)
            raise
        self._report.batches.append(batch_id)
        self._report.add_drifts(chunk.drifts)
