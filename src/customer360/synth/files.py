"""Files whose bytes depend on their rows alone: Parquet with row groups of fixed size and fixed codecs, or CSV.

CSV has a header, ``\\n`` at the end of a line, nothing for null, and quotes only in a table whose texts need them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from customer360.errors import InvalidInput, did_you_mean
from customer360.workspace import explain_disk

ROW_GROUP = 1 << 17
KEYS = ("transaction_id", "customer_id", "change_id")
"""Columns of ascending keys: incremental encoding stores what differs from the row before."""

QUOTED = "attributes"
"""A column of JSON, whose table is quoted in CSV; any other text with a comma or a quote is an error."""


def write_rows(path: Path, tables: Iterable[pa.Table], schema: pa.Schema) -> int:
    """Write the rows of all tables to one file, replaced when complete, and return how many there were.

    The ending of the name says in which format; tables are written as they come, and not kept.

    Raises:
        Unavailable: the disk is full; what was there before is untouched.
    """
    unfinished = path.with_name(f".{path.name}.unfinished")
    try:
        rows = _WRITERS[path.suffix](unfinished, tables, schema)
        unfinished.replace(path)
    except OSError as error:
        raise explain_disk(error, path) from error
    finally:
        unfinished.unlink(missing_ok=True)
    return rows


def suffix_of(file_format: str) -> str:
    """Return how the names of files in a format end.

    Raises:
        InvalidInput: there is no such format.
    """
    suffix = f".{file_format}"
    if suffix not in _WRITERS:
        formats = [known.removeprefix(".") for known in _WRITERS]
        raise InvalidInput(
            f"There is no format {file_format!r}.",
            next_action=did_you_mean(file_format, formats),
            details=[{"field": "format", "value": file_format, "message": "is not a format of the files"}],
        )
    return suffix


def _write_parquet(path: Path, tables: Iterable[pa.Table], schema: pa.Schema) -> int:
    with pq.ParquetWriter(path, schema, **_options(schema)) as writer:
        return _write_row_groups(writer, tables)


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


def _write_csv(path: Path, tables: Iterable[pa.Table], schema: pa.Schema) -> int:
    style = "needed" if QUOTED in schema.names else "none"
    options = pa_csv.WriteOptions(quoting_style=style, quoting_header="none")
    written = pa.schema([(field.name, _as_written(field.type)) for field in schema])
    rows = 0
    with pa_csv.CSVWriter(path, written, write_options=options) as writer:
        for table in tables:
            writer.write_table(table.cast(written))
            rows += table.num_rows
    return rows


def _as_written(kind: pa.DataType) -> pa.DataType:
    """Return the type whose text is the shortest: moments are whole seconds."""
    return pa.timestamp("s") if pa.types.is_timestamp(kind) else kind


_WRITERS: dict[str, Callable[[Path, Iterable[pa.Table], pa.Schema], int]] = {
    ".parquet": _write_parquet,
    ".csv": _write_csv,
}
FORMATS = tuple(suffix.removeprefix(".") for suffix in _WRITERS)


def worker_count(threads: int | None) -> int:
    """Return how many threads to use: as asked, or one per processor up to four."""
    return threads or min(os.cpu_count() or 1, 4)
