"""Makes batches of received files: reads them, maps them to the bronze tables, writes and commits.

Small files that arrived together go through one statement per table; a batch is still one file's, whole or not at all.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from customer360.clock import Clock
from customer360.errors import Conflict, SourceRefused
from customer360.ingest.datasets import DatasetFolder, SourceSpec
from customer360.ingest.files import Received, remove
from customer360.ingest.mapping import FILE, Mapping, Origin, Part
from customer360.ingest.reading import LINE, int64_array, read_batches
from customer360.lake import Manifest, commit_batches, discard_batch, parquet_path
from customer360.workspace import FORMAT, Workspace, write_yaml

IN_MEMORY_BYTES = 64 << 20
DISTINCT_ROWS = "SELECT {place}, count(*) FROM (SELECT DISTINCT * EXCLUDE (_line) FROM source) GROUP BY ALL"


@dataclass(frozen=True)
class Arrival:
    """A received file on its way to become a batch; ``replaces`` is the batch that it supersedes."""

    received: Received
    spec: SourceSpec
    batch_id: str
    replaces: str | None


@dataclass(frozen=True)
class _Offered:
    """The relation ``source``: its columns, and per file its rows and how many repeat another exactly."""

    columns: pa.Schema | None
    rows: list[int]
    repeats: list[int | None]


class Lander:
    """Lands files of one dataset; several threads may call it. The caller holds the writer's lock.

    Raises:
        InvalidDefinition: a mapping of the dataset cannot be used.
    """

    def __init__(self, workspace: Workspace, folder: DatasetFolder, clock: Clock) -> None:
        self._workspace, self._folder, self._clock = workspace, folder, clock
        self._mappings = _check_mappings(folder)
        self._local = threading.local()
        self._naming = threading.Lock()

    def takes_several(self, spec: SourceSpec) -> bool:
        """Whether files of this source can be landed together."""
        return all(self._mappings[table].takes_several for table in spec.tables)

    def land(self, arrivals: list[Arrival]) -> list[Manifest | SourceRefused]:
        """Land files of one source; returns for each its manifest or why it is refused."""
        try:
            if len(arrivals) > 1:
                # Where one does not fit, or has other columns, each goes alone: that one is named and the others land.
                with suppress(SourceRefused, pa.ArrowInvalid):
                    return [*self._land(arrivals)]
            return [self._land_alone(arrival) for arrival in arrivals]
        finally:
            for arrival in arrivals:
                remove(arrival.received)

    def _land_alone(self, arrival: Arrival) -> Manifest | SourceRefused:
        try:
            return self._land([arrival])[0]
        except SourceRefused as refusal:
            return refusal

    def _land(self, arrivals: list[Arrival]) -> list[Manifest]:
        try:
            manifests = self._map(arrivals)
            self._name_workspace()
            paths = [arrival.received.path for arrival in arrivals]
            commit_batches(self._workspace, list(zip(manifests, paths, strict=True)))
            return manifests
        except BaseException:
            for arrival in arrivals:
                discard_batch(self._workspace, arrival.batch_id)
            raise

    def _map(self, arrivals: list[Arrival]) -> list[Manifest]:
        """Write the batches' Parquet files and return the manifests that will make them exist."""
        landed_at = self._clock().replace(tzinfo=None).isoformat(timespec="seconds")
        origins = [Origin(arrival.received.name, arrival.batch_id, landed_at) for arrival in arrivals]
        spec, connection = arrivals[0].spec, self._connection()
        with _offered(connection, [arrival.received for arrival in arrivals], spec) as source:
            counts = {
                table: self._mappings[table].write(
                    connection,
                    source.columns,
                    [
                        Part(origin, rows, parquet_path(self._workspace, table, origin.batch_id))
                        for origin, rows in zip(origins, source.rows, strict=True)
                    ],
                )
                for table in spec.tables
            }
        return [
            Manifest(
                batch_id=arrival.batch_id,
                dataset=self._folder.dataset.name,
                source=arrival.received.name,
                sha256=arrival.received.sha256,
                bytes=arrival.received.bytes,
                mapping_sha256=self._folder.mapping_sha256(spec),
                rows=source.rows[place],
                duplicate_rows=source.repeats[place],
                tables={table: rows[place] for table, rows in counts.items()},
                landed_at=landed_at,
                supersedes=arrival.replaces,
            )
            for place, arrival in enumerate(arrivals)
        ]

    def _name_workspace(self) -> None:
        """Name the dataset with the first batch that lands, so that a load of nothing binds nobody."""
        with self._naming:
            if not self._workspace.description.exists():
                claim(self._workspace, self._folder, self._clock)

    def _connection(self) -> duckdb.DuckDBPyConnection:
        if not hasattr(self._local, "connection"):
            self._local.connection = duckdb.connect(config={"threads": 1})
        connection: duckdb.DuckDBPyConnection = self._local.connection
        return connection


def claim(workspace: Workspace, folder: DatasetFolder, clock: Clock) -> None:
    """Name the dataset in ``workspace.yml``, or check that it is the one this workspace holds."""
    dataset = folder.dataset
    content = {
        "format": FORMAT,
        "dataset": dataset.name,
        "definition": dataset.describe(),
        "created_at": clock().isoformat(timespec="seconds"),
    }
    if workspace.description.exists():
        held = workspace.describe()
        if held["dataset"] != dataset.name:
            raise Conflict(
                f"The workspace {workspace.home} holds the dataset {held['dataset']!r}; "
                f"{dataset.name!r} needs a workspace of its own, because ids and currencies collide.",
                code="other_dataset",
                next_action=f"CUSTOMER360_HOME=.customer360-{dataset.name} customer360 load {dataset.name} --from PATH",
            )
        content["created_at"] = held["created_at"]
        if held == content:
            return
    write_yaml(workspace.description, content)


def is_reference(spec: SourceSpec) -> bool:
    """Whether the source is a table that the dataset itself states, in SQL."""
    return spec.files.endswith(".sql")


def _check_mappings(folder: DatasetFolder) -> dict[str, Mapping]:
    """Parse every mapping and try it on no rows, so that a fault in one is met before anything lands.

    A mapping that does not run on the listed columns may read others, or typed ones: that only the files can tell.
    """
    mappings = {table: Mapping(table, folder.mapping(table)) for table in folder.tables}
    with duckdb.connect(config={"threads": 1}) as connection:
        for table in folder.dataset.reference:
            mappings[table].check(connection)
        for source in folder.dataset.sources:
            columns = {column: pa.nulls(0, pa.string()) for column in source.columns}
            connection.register("source", pa.table({**columns, LINE: pa.nulls(0, pa.int64())}))
            for table in source.tables:
                if _runs(connection, folder.mapping(table)):
                    mappings[table].check(connection)
            connection.unregister("source")
    return mappings


def _runs(connection: duckdb.DuckDBPyConnection, select: str) -> bool:
    try:
        connection.sql(select)
    except duckdb.BinderException:
        return False
    return True


@contextmanager
def _offered(connection: duckdb.DuckDBPyConnection, files: list[Received], spec: SourceSpec) -> Iterator[_Offered]:
    """Give the files to the connection as the relation ``source`` and take it back."""
    if is_reference(spec):
        yield _Offered(None, [0], [None])
        return
    spooled = files[0].path.with_suffix(".spooled")
    try:
        if len(files) > 1 or files[0].bytes <= IN_MEMORY_BYTES:
            tables = [pa.Table.from_batches(read_batches(file, spec)) for file in files]
            rows = [table.num_rows for table in tables]
            source = _stack(tables) if len(tables) > 1 else tables[0]
        else:
            import pyarrow.dataset as pa_dataset  # noqa: PLC0415  (brings pandas, which small files do without)

            rows = [_spool(read_batches(files[0], spec), spooled)]
            source = pa_dataset.dataset(spooled)
        connection.register("source", source)
        yield _Offered(source.schema, rows, _count_repeats(connection, rows, spec))
    finally:
        connection.unregister("source")
        spooled.unlink(missing_ok=True)


def _stack(tables: list[pa.Table]) -> pa.Table:
    """Return the rows of all tables, each with the place of its file."""
    return pa.concat_tables(
        table.append_column(FILE, int64_array(np.full(table.num_rows, place, dtype=np.int64)))
        for place, table in enumerate(tables)
    )


def _count_repeats(connection: duckdb.DuckDBPyConnection, rows: list[int], spec: SourceSpec) -> list[int | None]:
    if spec.format == "parquet":
        return [None] * len(rows)
    statement = DISTINCT_ROWS.format(place=FILE if len(rows) > 1 else 0)
    distinct = dict(connection.execute(statement).fetchall())
    return [count - distinct[place] for place, count in enumerate(rows)]


def _spool(batches: Iterator[pa.RecordBatch], path: Path) -> int:
    first = next(batches)
    rows = int(first.num_rows)
    with pq.ParquetWriter(path, first.schema, compression="lz4") as writer:
        writer.write_batch(first)
        for batch in batches:
            writer.write_batch(batch)
            rows += batch.num_rows
    return rows
