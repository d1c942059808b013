"""Parquet files whose bytes depend on their rows alone: row groups of fixed size, no timestamps, fixed codecs."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

ROW_GROUP = 1 << 17
KEYS = ("transaction_id", "customer_id", "change_id")
"""Columns of ascending keys: incremental encoding stores what differs from the row before."""


def write_parquet(path: Path, tables: Iterable[pa.Table], schema: pa.Schema) -> int:
    """Write the rows of all tables to one file, replaced when complete, and return how many there were."""
    unfinished = path.with_name(f".{path.name}.unfinished")
    try:
        with pq.ParquetWriter(unfinished, schema, **_options(schema)) as writer:
            rows = _write_row_groups(writer, tables)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return rows


def _write_row_groups(writer: pq.ParquetWriter, tables: Iterable[pa.Table]) -> int:
    pending: list[pa.Table] = []
    held = rows = 0
    for table in tables:
        pending.append(table)
        held += table.num_rows
        rows += table.num_rows
        if held >= ROW_GROUP:
            rest = _write_whole_groups(writer, pa.concat_tables(pending))
            pending, held = [rest], rest.num_rows
    if held:
        _write_group(writer, pa.concat_tables(pending))
    return rows


def _write_whole_groups(writer: pq.ParquetWriter, table: pa.Table) -> pa.Table:
    whole = table.num_rows // ROW_GROUP * ROW_GROUP
    for start in range(0, whole, ROW_GROUP):
        _write_group(writer, table.slice(start, ROW_GROUP))
    return table.slice(whole)


def _write_group(writer: pq.ParquetWriter, table: pa.Table) -> None:
    """Write one row group as one piece: pages would otherwise end where the pieces end."""
    writer.write_table(table.combine_chunks(), row_group_size=ROW_GROUP)


def _options(schema: pa.Schema) -> dict[str, object]:
    keys = {name: "DELTA_BYTE_ARRAY" for name in KEYS if name in schema.names}
    return {
        "compression": "zstd",
        "compression_level": 1,
        "use_dictionary": [name for name in schema.names if name not in keys],
        "column_encoding": keys,
        "store_decimal_as_integer": True,
    }


def worker_count(threads: int | None) -> int:
    """Return how many threads to use: as asked, or one per processor up to four."""
    return threads or min(os.cpu_count() or 1, 4)
