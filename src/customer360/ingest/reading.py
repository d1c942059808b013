"""Reads one received file as rows of text (or typed rows of Parquet), each with the line it starts on.

A file that does not fit is refused whole. The fast path only learns that something is wrong; then the file is read once
more, slowly, to name the line and the column.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from customer360.errors import SourceRefused
from customer360.ingest.datasets import SourceSpec
from customer360.ingest.files import Received

LINE = "_line"
BLOCK = 16 << 20


def read_batches(received: Received, spec: SourceSpec) -> Iterator[pa.RecordBatch]:
    """Yield the file's rows with their line numbers, a block at a time.

    Raises:
        SourceRefused: names file, line and column of what does not fit.
    """
    if received.bytes == 0:
        raise SourceRefused(f"{received.name}: the file is empty.", next_action="Fetch the file again.")
    readers = {"delimited": _delimited, "pattern": _pattern, "parquet": _parquet}
    rows = 0
    for batch in readers[spec.format](received, spec):
        rows += batch.num_rows
        yield batch
    if rows == 0:
        raise SourceRefused(f"{received.name}: the file has no rows below its header.")


def _delimited(received: Received, spec: SourceSpec) -> Iterator[pa.RecordBatch]:
    header = _header(received, spec)
    _refuse_missing(received, spec, header)
    if received.quotes % 2:
        raise _diagnose(received, spec, len(header))
    line, rows, embedded = 2, 0, 0
    try:
        for batch in _open_csv(received.path, spec, header):
            breaks = _line_breaks(batch) if received.quotes else None
            yield _with_lines(batch, line, breaks)
            rows += batch.num_rows
            inside = int(pc.sum(breaks).as_py() or 0) if breaks is not None else 0
            embedded += inside
            line += batch.num_rows + inside
    except (pa.ArrowInvalid, UnicodeDecodeError) as error:
        raise _diagnose(received, spec, len(header)) from error
    _refuse_blank_lines(received, rows + embedded)


def _open_csv(path: Path, spec: SourceSpec, header: list[str]) -> Iterator[pa.RecordBatch]:
    reader = pa_csv.open_csv(
        path,
        read_options=pa_csv.ReadOptions(encoding=spec.encoding, block_size=BLOCK, use_threads=False),
        parse_options=pa_csv.ParseOptions(delimiter=spec.delimiter, newlines_in_values=True),
        convert_options=pa_csv.ConvertOptions(
            column_types={name: pa.string() for name in header},
            strings_can_be_null=True,
            quoted_strings_can_be_null=True,
            null_values=spec.null_values,
        ),
    )
    with reader:
        yield from reader


def _header(received: Received, spec: SourceSpec) -> list[str]:
    encoding = "utf-8-sig" if spec.encoding == "utf-8" else spec.encoding
    with received.path.open(encoding=encoding, errors="replace", newline="") as file:
        return next(csv.reader(file, delimiter=spec.delimiter), [])


def _refuse_missing(received: Received, spec: SourceSpec, header: list[str]) -> None:
    missing = [column for column in spec.columns if column not in header]
    if missing:
        raise SourceRefused(
            f"{received.name}, line 1: column {missing[0]!r} is missing; the file has {', '.join(header)}.",
            next_action="Send the file with every column, or change columns in dataset.yml.",
            details=[{"field": column, "value": None, "message": "column is missing"} for column in missing],
        )


def _line_breaks(batch: pa.RecordBatch) -> pa.Array:
    """Count the line breaks inside each row's fields."""
    total = pa.array(np.zeros(batch.num_rows, dtype=np.int64))
    for column in batch.columns:
        total = pc.add(total, pc.cast(pc.fill_null(pc.count_substring(column, "\n"), 0), pa.int64()))
    return total


def _with_lines(batch: pa.RecordBatch, first: int, breaks: pa.Array | None) -> pa.RecordBatch:
    lines = pa.array(np.arange(first, first + batch.num_rows, dtype=np.int64))
    if breaks is not None:
        lines = pc.add(lines, pc.subtract(pc.cumulative_sum(breaks), breaks))
    return batch.append_column(LINE, lines)


def _refuse_blank_lines(received: Received, lines: int) -> None:
    """Line numbers hold only if nothing was skipped; blank lines at the end do no harm."""
    if received.newlines <= lines + 1:
        return
    text = received.path.read_bytes().rstrip(b"\r\n")
    if text.count(b"\n") > lines:
        blank = next(number for number, line in enumerate(text.split(b"\n"), 1) if not line.strip())
        raise SourceRefused(f"{received.name}, line {blank}: the line is blank; remove it and load the file again.")


def _diagnose(received: Received, spec: SourceSpec, width: int) -> SourceRefused:
    """Say where a delimited file goes wrong."""
    data = received.path.read_bytes()
    try:
        text = data.decode(spec.encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        start = data.rfind(b"\n", 0, error.start) + 1
        column = data.count(spec.delimiter.encode(), start, error.start) + 1
        return SourceRefused(
            f"{received.name}, line {line}, column {column}: byte 0x{data[error.start]:02x} is not {spec.encoding}.",
            next_action=f"Save the file as {spec.encoding}, or set encoding in dataset.yml (such as latin-1).",
        )
    return _diagnose_fields(received.name, text, spec, width)


def _diagnose_fields(name: str, text: str, spec: SourceSpec, width: int) -> SourceRefused:
    reader = csv.reader(text.splitlines(keepends=True), delimiter=spec.delimiter, strict=True)
    start = 1
    again = "Fetch the file again; it may have been cut while it was copied."
    try:
        for row in reader:
            if row and len(row) != width:
                return SourceRefused(
                    f"{name}, line {start}, column {min(len(row), width)}: {len(row)} fields, the header has {width}.",
                    next_action=again,
                )
            start = reader.line_num + 1
    except csv.Error as error:
        field = _last_field(text, start, spec.delimiter)
        if "unexpected end" in str(error):
            return SourceRefused(
                f"{name}, line {start}, column {field}: the file ends inside a quoted field.", next_action=again
            )
        return SourceRefused(f"{name}, line {start}, column {field}: {error}.", next_action=again)
    return SourceRefused(f"{name}: the file cannot be read as delimited text.", next_action=again)


def _last_field(text: str, line: int, delimiter: str) -> int:
    """Return the number of the field in which the record that starts on ``line`` breaks off."""
    record = "".join(text.splitlines(keepends=True)[line - 1 :])
    outside = re.sub(r'"(?:[^"]|"")*("|$)', "", record.splitlines()[0] if '"' not in record else record)
    return outside.count(delimiter) + 1


def _pattern(received: Received, spec: SourceSpec) -> Iterator[pa.RecordBatch]:
    try:
        text = received.path.read_bytes().decode(spec.encoding)
    except UnicodeDecodeError as error:
        raise _diagnose(received, spec, 1) from error
    lines = text.splitlines()
    while lines and not lines[-1].strip():
        lines.pop()
    values = pa.array(lines[spec.header_lines :], pa.string())
    fields = pc.extract_regex(values, spec.pattern)
    if fields.null_count:
        number = pc.index(pc.is_null(fields), True).as_py() + 1 + spec.header_lines
        raise SourceRefused(
            f"{received.name}, line {number}: {lines[number - 1][:80]!r} does not fit the pattern of the source.",
            next_action="Fetch the file again, or correct pattern in dataset.yml.",
        )
    batch = pa.RecordBatch.from_arrays(fields.flatten(), [field.name for field in fields.type])
    yield _with_lines(batch, 1 + spec.header_lines, None)


def _parquet(received: Received, spec: SourceSpec) -> Iterator[pa.RecordBatch]:
    try:
        file = pq.ParquetFile(received.path)
        _refuse_missing(received, spec, file.schema_arrow.names)
        line = 1
        for batch in file.iter_batches(batch_size=1 << 17):
            yield _with_lines(batch, line, None)
            line += batch.num_rows
    except (pa.ArrowInvalid, OSError) as error:
        raise SourceRefused(
            f"{received.name}: the file cannot be read as Parquet: {error}.", next_action="Fetch the file again."
        ) from error
