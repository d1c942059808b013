"""What a build must remember of itself: written beside the build, landed in bronze once the build is published.

One batch per as-of date; a later build of the same date replaces it where it found something else.
"""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import pyarrow as pa

from customer360.clock import Clock
from customer360.lake import Manifest, TableRows, commit_snapshot, live_batches
from customer360.warehouse import BuildRecord, Warehouse
from customer360.workspace import Workspace, hash_file

SEGMENTS = "segment_snapshots"
FOUND = "select customer_id, customer_segment from gold{suffix}.customer_segments order by customer_id"
CHANGED = """
with found as (select customer_id, customer_segment from gold{suffix}.customer_segments),
remembered as (
    select customer_id, customer_segment from bronze{suffix}.segment_snapshots where as_of_date = '{as_of}'
)
select count(*) from (
    (select * from found except select * from remembered) union all
    (select * from remembered except select * from found)
) as differing
"""


def write_snapshots(warehouse: Warehouse, schema_suffix: str, folder: Path, record: BuildRecord, as_of: str) -> None:
    """Write the segments that this build found next to it, unless bronze remembers the same of this date."""
    differing = warehouse.query(CHANGED.format(suffix=schema_suffix, as_of=as_of))
    if not differing.column(0)[0].as_py():
        return
    import pyarrow.parquet as pq  # noqa: PLC0415

    rows = warehouse.query(FOUND.format(suffix=schema_suffix))
    pq.write_table(_with_provenance(rows, record, as_of), folder / f"{SEGMENTS}.parquet", compression="lz4")


def _with_provenance(rows: pa.Table, record: BuildRecord, as_of: str) -> pa.Table:
    count = rows.num_rows
    loaded_at = datetime.fromisoformat(record.started_at).replace(tzinfo=None, microsecond=0)
    columns = {
        "as_of_date": pa.repeat(pa.scalar(date.fromisoformat(as_of)), count),
        "_line": pa.array(range(1, count + 1), pa.int64()),
        "_invalid": pa.nulls(count, pa.string()),
        "_source_file": pa.repeat(_source(as_of), count),
        "_batch_id": pa.repeat(_batch_id(record), count),
        "_loaded_at": pa.repeat(pa.scalar(loaded_at, pa.timestamp("us")), count),
    }
    for name, values in columns.items():
        rows = rows.append_column(name, values)
    return rows


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
