"""What a build must remember of itself: written beside the build, landed in bronze once the build is published.

One batch per as-of date; a later build of the same date replaces it where it found something else.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from customer360.clock import Clock
from customer360.lake import Manifest, TableRows, commit_snapshot, live_batches
from customer360.warehouse import BuildRecord
from customer360.workspace import Workspace, hash_file

SEGMENTS = "segment_snapshots"
CHANGED = """
with found as (select customer_id, customer_segment from gold.customer_segments),
remembered as (select customer_id, customer_segment from bronze.segment_snapshots where as_of_date = $1)
select exists((from found except from remembered) union all (from remembered except from found))
"""
FOUND = """
select
    customer_id, customer_segment, cast($1 as date) as as_of_date,
    row_number() over (order by customer_id) as _line, cast(null as varchar) as _invalid,
    $2 as _source_file, $3 as _batch_id, cast($4 as timestamp) as _loaded_at
from gold.customer_segments
order by customer_id
"""


def write_snapshots(connection: duckdb.DuckDBPyConnection, folder: Path, record: BuildRecord, as_of: str) -> None:
    """Write the segments that this build found next to it, unless bronze remembers the same of this date."""
    [(changed,)] = connection.execute(CHANGED, [as_of]).fetchall()
    if not changed:
        return
    provenance = [_source(as_of), _batch_id(record), record.started_at[:19]]
    rows = connection.execute(FOUND, [as_of, *provenance]).to_arrow_table()
    import pyarrow.parquet as pq  # noqa: PLC0415

    pq.write_table(rows, folder / f"{SEGMENTS}.parquet", compression="lz4")


def land_snapshots(workspace: Workspace, record: BuildRecord, clock: Clock) -> None:
    """Land what a published build wrote; does nothing where it wrote nothing or it has landed."""
    written = workspace.builds / record.build_id / f"{SEGMENTS}.parquet"
    if not written.is_file() or record.as_of_date is None:
        return
    source = _source(record.as_of_date)
    before = next((manifest for manifest in live_batches(workspace) if manifest.source == source), None)
    sha256 = hash_file(written)
    rows = record.tables["gold.customer_segments"]["rows"]
    manifest = Manifest(
        batch_id=_batch_id(record),
        dataset=str(record.dataset["name"]),
        source=source,
        sha256=sha256,
        bytes=written.stat().st_size,
        mapping_sha256="",
        rows=rows,
        duplicate_rows=None,
        tables={SEGMENTS: TableRows(rows, 0, sha256)},
        landed_at=clock().replace(tzinfo=None).isoformat(timespec="seconds"),
        supersedes=before.batch_id if before else None,
    )
    commit_snapshot(workspace, manifest, written)


def _source(as_of: str) -> str:
    return f"{SEGMENTS}/{as_of}"


def _batch_id(record: BuildRecord) -> str:
    return f"{SEGMENTS}_{record.build_id}"
