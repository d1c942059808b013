"""Reads one received file as rows of text (or typed rows of Parquet), each with the line it starts on.

Lines end with ``\\n`` or ``\\r\\n`` and count from 1. A file that does not fit is refused whole. The fast path only
learns that something is wrong; then the file is read once more, slowly, to name the line and the column.
"""

from __future__ import annotations

import csv
import io
import mmap
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from customer360.errors import SourceRefused
from customer360.ingest.datasets import SourceSpec
from customer360.ingest.files import CHUNK, Received

LINE = "_line"
BLOCK = 16 << 20
AGAIN = "Fetch the file again; it may have been cut while it was copied."

csv.field_size_limit(1 << 31)  # the slow path meets fields as long as the file where a quote is never closed


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
        raise _no_rows(received)


def _no_rows(received: Received) -> SourceRefused:
    return SourceRefused(f"{received.name}: the file has no rows below its header.")


def _delimited(received: Received, spec: SourceSpec) -> Iterator[pa.RecordBatch]:
    header = _header(received, spec)
    _refuse_header(f"{received.name}, line 1", spec, header)
    if received.quotes:
        _refuse_stray_quotes(received, spec, len(header))
    breaks_in_header = sum(name.count("\n") for name in header)
    lines = 1 + breaks_in_header
    try:
        for batch in _open_csv(received.path, spec, header):
            breaks = _line_breaks(batch) if received.quotes else None
            yield _with_lines(batch, lines + 1, breaks)
            lines += batch.num_rows + (int(pc.sum(breaks).as_py() or 0) if breaks is not None else 0)
    except (pa.ArrowInvalid, UnicodeDecodeError) as error:
        raise _diagnose(received, spec, len(header)) from error
    _refuse_uncounted_lines(received, spec, lines)


class _WholeLineEnds(io.RawIOBase):
    """A file whose reads never end between ``\\r`` and ``\\n``: there the CSV reader would lose the ``\\n``."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        data = self._file.read(size)
        kept = data.rstrip(b"\r") or data
        self._file.seek(len(kept) - len(data), io.SEEK_CUR)
        return kept

    def close(self) -> None:
        self._file.close()
        super().close()


def _open_csv(path: Path, spec: SourceSpec, header: list[str]) -> Iterator[pa.RecordBatch]:
    with (
        _WholeLineEnds(path) as file,
        pa_csv.open_csv(
            file,
            read_options=pa_csv.ReadOptions(encoding=spec.encoding, block_size=BLOCK, use_threads=False),
            parse_options=pa_csv.ParseOptions(delimiter=spec.delimiter, newlines_in_values=True),
            convert_options=pa_csv.ConvertOptions(
                column_types={name: pa.string() for name in header},
                strings_can_be_null=True,
                quoted_strings_can_be_null=True,
                null_values=spec.null_values,
            ),
        ) as reader,
    ):
        yield from reader


def _text_encoding(spec: SourceSpec) -> str:
    """Return the encoding that also takes the mark which some programs put before UTF-8."""
    return "utf-8-sig" if spec.encoding == "utf-8" else spec.encoding


def _header(received: Received, spec: SourceSpec) -> list[str]:
    with received.path.open(encoding=_text_encoding(spec), newline="") as file:
        try:
            return next(csv.reader(file, delimiter=spec.delimiter), [])
        except UnicodeDecodeError as error:
            raise _find_wrong_byte(received, spec) from error


def _refuse_header(where: str, spec: SourceSpec, header: list[str]) -> None:
    missing = [column for column in spec.columns if column not in header]
    if missing:
        raise SourceRefused(
            f"{where}: column {missing[0]!r} is missing; the file has {', '.join(header)[:500] or 'a blank line'}.",
            next_action="Send the file with every column, or change columns in dataset.yml.",
            details=[{"field": column, "value": None, "message": "column is missing"} for column in missing],
        )
    names = [LINE, *(name.lower() for name in header if name)]
    repeated = next((name for name in names if names.count(name) > 1), None)
    if repeated == LINE:
        raise SourceRefused(f"{where}: column {LINE!r} is a name that every table has already; rename the column.")
    if repeated:
        raise SourceRefused(f"{where}: column {repeated!r} is there more than once; rename or remove the others.")


def _refuse_stray_quotes(received: Received, spec: SourceSpec, width: int) -> None:
    """Refuse a quoted field that never ends, or goes on behind its closing quote: the rows behind it would vanish.

    Quotes inside a field that is not quoted (6" ruler) stand for themselves.
    """
    mark = re.escape(spec.delimiter.encode())
    # The quote comes first and what stands before it is looked at afterwards: that lets the engine jump to quotes.
    field = re.compile(rb'"(?<![^\r\n%b]")[^"]*+(?:""[^"]*+)*+"(?=[\r\n%b]|\Z)' % (mark, mark))
    with received.path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        paired = sum(match.group().count(b'"') for match in field.finditer(data))
    fault = _find_fault(received, spec, width) if paired != received.quotes else None
    if fault:
        raise fault


def _line_breaks(batch: pa.RecordBatch) -> pa.Array:
    """Count the line breaks inside each row's fields."""
    nothing = total = int64_array(np.zeros(batch.num_rows, dtype=np.int64))
    for column in batch.columns:
        total = pc.add(total, pc.coalesce(pc.cast(pc.count_substring(column, "\n"), pa.int64()), nothing))
    return total


def int64_array(numbers: npt.NDArray[np.int64]) -> pa.Array:
    """Return numbers as Arrow; ``pa.array`` would bring pandas, which takes longer than most files."""
    return pa.Array.from_buffers(pa.int64(), len(numbers), [None, pa.py_buffer(numbers)])


def _with_lines(batch: pa.RecordBatch, first: int, breaks: pa.Array | None) -> pa.RecordBatch:
    lines = int64_array(np.arange(first, first + batch.num_rows, dtype=np.int64))
    if breaks is not None:
        lines = pc.add(lines, pc.subtract(pc.cumulative_sum(breaks), breaks))
    return batch.append_column(LINE, lines)


def _refuse_uncounted_lines(received: Received, spec: SourceSpec, lines: int) -> None:
    """Line numbers hold only if every line is a row's; blank lines at the end do no harm."""
    present = received.newlines - _newlines_at_end(received.path) + 1
    if present > lines:
        blank = _first_blank_line(received, spec)
        raise SourceRefused(f"{received.name}, line {blank}: the line is blank; remove it and load the file again.")
    if present < lines:
        raise SourceRefused(
            f"{received.name}: a line ends with a carriage return alone.",
            next_action="Save the file with Unix or Windows line ends.",
        )


def _newlines_at_end(path: Path) -> int:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - CHUNK))
        tail = file.read()
    return tail.count(b"\n", len(tail.rstrip(b"\r\n")))


def _first_blank_line(received: Received, spec: SourceSpec) -> int:
    lines = _lines(received.path.read_bytes().decode(_text_encoding(spec)))
    reader = csv.reader(lines, delimiter=spec.delimiter)
    for row in reader:
        if not row:
            return _number(lines, reader.line_num)
    return 1


def _lines(text: str) -> list[str]:
    """Split as a CSV reader does: at line ends only, not at the other characters ``str.splitlines`` takes for one."""
    return list(io.StringIO(text, newline=""))


def _number(lines: list[str], place: int) -> int:
    """Return the number of the line at a place, where only ``\\n`` ends a line."""
    return 1 + sum(line.endswith("\n") for line in lines[: place - 1])


def _diagnose(received: Received, spec: SourceSpec, width: int) -> SourceRefused:
    """Say where a delimited file goes wrong."""
    fault = _find_fault(received, spec, width)
    return fault or SourceRefused(
        f"{received.name}: the file cannot be read as delimited text.", next_action="Fetch the file again."
    )


def _find_fault(received: Received, spec: SourceSpec, width: int) -> SourceRefused | None:
    try:
        text = received.path.read_bytes().decode(_text_encoding(spec))
    except UnicodeDecodeError:
        return _find_wrong_byte(received, spec)
    lines = _lines(text)
    reader = csv.reader(lines, delimiter=spec.delimiter, strict=True)
    start, rows = 1, 0
    try:
        for row in reader:
            if row and len(row) != width:
                place = f"line {_number(lines, start)}, column {min(len(row), width)}"
                message = f"{received.name}, {place}: {len(row)} fields, the header has {width}."
                return SourceRefused(message, next_action=AGAIN)
            start, rows = reader.line_num + 1, rows + bool(row)
    except csv.Error as error:
        ends = "unexpected end" in str(error)
        what = "the file ends inside a quoted field" if ends else "text follows the closing quote of a field"
        place = f"line {_number(lines, start)}, column {_broken_field(''.join(lines[start - 1 :]), spec.delimiter)}"
        return SourceRefused(f"{received.name}, {place}: {what}.", next_action=AGAIN)
    return _no_rows(received) if rows == 1 else None


def _find_wrong_byte(received: Received, spec: SourceSpec) -> SourceRefused:
    data = received.path.read_bytes()
    try:
        data.decode(spec.encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        start = data.rfind(b"\n", 0, error.start) + 1
        column = f", column {data.count(spec.delimiter.encode(), start, error.start) + 1}"
        place = f"line {line}{column if spec.format == 'delimited' else ''}"
        return SourceRefused(
            f"{received.name}, {place}: byte 0x{data[error.start]:02x} is not {spec.encoding}.",
            next_action=f"Save the file as {spec.encoding}, or set encoding in dataset.yml (such as latin-1).",
        )
    return SourceRefused(f"{received.name}: the file is not {spec.encoding}.")


def _broken_field(record: str, delimiter: str) -> int:
    """Return the number of the first field of a record that is not whole."""
    mark = re.escape(delimiter)
    whole = re.compile(rf'(?:"[^"]*(?:""[^"]*)*"|(?!")[^\r\n{mark}]*){mark}')
    number, position = 1, 0
    while match := whole.match(record, position):
        number, position = number + 1, match.end()
    return number


def _pattern(received: Received, spec: SourceSpec) -> Iterator[pa.RecordBatch]:
    try:
        text = received.path.read_bytes().decode(_text_encoding(spec))
    except UnicodeDecodeError as error:
        raise _find_wrong_byte(received, spec) from error
    lines = [line.removesuffix("\r") for line in text.split("\n")]
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
        with pq.ParquetFile(received.path) as file:
            _refuse_header(received.name, spec, file.schema_arrow.names)
            line = 1
            for batch in file.iter_batches(batch_size=1 << 17):
                yield _with_lines(batch, line, None)
                line += batch.num_rows
    except (pa.ArrowInvalid, OSError) as error:
        raise SourceRefused(
            f"{received.name}: the file cannot be read as Parquet: {error}.", next_action="Fetch the file again."
        ) from error
