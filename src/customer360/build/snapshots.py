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

REMEMBERED = {
    "segment_snapshots": ("gold{suffix}.customer_segments", "customer_id, customer_segment"),
    "churn_scores": (
        "(select * from gold{suffix}.churn_predictions where model_version is not null)",
        "customer_id, model_version, churn_probability, churn_risk_score, churn_risk_category",
    ),
}
"""What is remembered by which table of bronze: where a build finds it, and the columns."""
FOUND = "select {columns} from {found} as found order by customer_id"
CHANGED = """
with found as (select {columns} from {found} as found),
remembered as (select {columns} from bronze{suffix}.{table} where as_of_date = '{as_of}')
select count(*) from (
    (select * from found except select * from remembered) union all
    (select * from remembered except select * from found)
) as differing
"""


def write_snapshots(warehouse: Warehouse, schema_suffix: str, folder: Path, record: BuildRecord, as_of: str) -> None:
    """Write what this build found next to it, unless bronze remembers the same of this date.

    A build without scores forgets none: that nobody was scored is nothing to remember.
    """
    for table, (found, columns) in REMEMBERED.items():
        asked = {"table": table, "columns": columns, "suffix": schema_suffix, "as_of": as_of}
        asked["found"] = found.format(suffix=schema_suffix)
        differing = warehouse.query(CHANGED.format(**asked))
        if not differing.column(0)[0].as_py():
            continue
        rows = warehouse.query(FOUND.format(**asked))
        if rows.num_rows:
            import pyarrow.parquet as pq  # noqa: PLC0415

            rows = rows.rename_columns([name.lower() for name in rows.column_names])
            kept = _with_provenance(table, rows, record, as_of)
            pq.write_table(kept, folder / f"{table}.parquet", compression="lz4")


def _with_provenance(table: str, rows: pa.Table, record: BuildRecord, as_of: str) -> pa.Table:
    count = rows.num_rows
    loaded_at = datetime.fromisoformat(record.started_at).replace(tzinfo=None, microsecond=0)
    columns = {
        "as_of_date": pa.repeat(pa.scalar(date.fromisoformat(as_of)), count),
        "_line": pa.array(range(1, count + 1), pa.int64()),
        "_invalid": pa.nulls(count, pa.string()),
        "_source_file": pa.repeat(_source(table, as_of), count),
        "_batch_id": pa.repeat(_batch_id(table, record), count),
        "_loaded_at": pa.repeat(pa.scalar(loaded_at, pa.timestamp("us")), count),
    }
    for name, values in columns.items():
        rows = rows.append_column(name, values)
    return rows


def land_snapshots(workspace: Workspace, record: BuildRecord, clock: Clock) -> None:
    """Land what a published build wrote; does nothing where it wrote nothing or it has landed."""
    for table in REMEMBERED:
        written = workspace.builds / record.build_id / f"{table}.parquet"
        if written.is_file() and record.as_of_date is not None:
            _land(workspace, record, table, written, clock)


def _land(workspace: Workspace, record: BuildRecord, table: str, written: Path, clock: Clock) -> None:
    import pyarrow.parquet as pq  # noqa: PLC0415

    source = _source(table, str(record.as_of_date))
    before = next((manifest for manifest in live_batches(workspace) if manifest.source == source), None)
    sha256 = hash_file(written)
    rows = pq.read_metadata(written).num_rows
    manifest = Manifest(
        batch_id=_batch_id(table, record),
        dataset=str(record.dataset["name"]),
        source=source,
        sha256=sha256,
        bytes=written.stat().st_size,
        mapping_sha256="",
        rows=rows,
        duplicate_rows=None,
        tables={table: TableRows(rows, 0, sha256)},
        landed_at=clock().replace(tzinfo=None).isoformat(timespec="seconds"),
        supersedes=before.batch_id if before else None,
    )
    commit_snapshot(workspace, manifest, written)


def _source(table: str, as_of: str) -> str:
    return f"{table}/{as_of}"


def _batch_id(table: str, record: BuildRecord) -> str:
    return f"{table}_{record.build_id}"
