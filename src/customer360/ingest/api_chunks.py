"""The records of an API that land together: their JSON in one buffer, which takes a fifth of what objects would.

Arrow arrays are made from buffers, because ``pa.array`` and ``pa.repeat`` import pandas, 60 MB of it.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from datetime import datetime
from itertools import accumulate, islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from customer360.ingest.api_contract import Checked, Drifts
from customer360.ingest.reading import int64_array

SOURCE_COLUMNS = pa.schema(
    [
        ("payload", pa.large_string()),
        ("page", pa.int64()),
        ("source_system", pa.large_string()),
        ("run_id", pa.large_string()),
        ("fetched_at", pa.timestamp("us")),
        ("reject_code", pa.large_string()),
        ("_line", pa.int64()),
    ]
)
"""The relation ``source`` that a mapping selects from: one row per record, as JSON."""


class Chunk:
    """Records in the order they came, each a line of JSON with the number of its page."""

    def __init__(self) -> None:
        self._lines, self._ends, self._page_of_each = bytearray(), array("q", [0]), array("q")
        self._codes: list[str | None] = []
        self.drifts = Drifts()
        self.pages = 0

    def __len__(self) -> int:
        return len(self._page_of_each)

    def add(self, page: int, checked: Checked) -> None:
        """Take the records of one more page."""
        lines = [line + b"\n" for line in checked.lines]
        ends = accumulate(map(len, lines), initial=len(self._lines))
        self._ends.extend(islice(ends, 1, None))
        self._lines += b"".join(lines)
        self._page_of_each.extend([page] * len(lines))
        self._codes += checked.codes
        self.pages += 1

    def write(self, path: Path) -> None:
        """Write a line of JSON for each record."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self._lines)

    def as_table(self, source: str, run_id: str, fetched_at: datetime) -> pa.Table:
        """Return the relation ``source``; it shares the chunk's memory, so nothing can be added any more."""
        count = len(self)
        columns = [
            pc.utf8_rtrim(_text_array(np.frombuffer(self._ends, dtype=np.int64), self._lines), "\n"),
            int64_array(np.frombuffer(self._page_of_each, dtype=np.int64)),
            _repeated(source, count),
            _repeated(run_id, count),
            int64_array(np.full(count, np.datetime64(fetched_at, "us")).view(np.int64)).view(pa.timestamp("us")),
            _known(self._codes),
            int64_array(np.arange(1, count + 1)),
        ]
        return pa.Table.from_arrays(columns, schema=SOURCE_COLUMNS)


def _text_array(
    ends: np.ndarray[Any, np.dtype[np.int64]],
    text: bytes | bytearray,
    present: np.ndarray[Any, np.dtype[np.uint8]] | None = None,
) -> pa.Array:
    """Return pieces of a text in UTF-8, each from one end to the next; a bit of ``present`` says which is not null."""
    known = None if present is None else pa.py_buffer(present)
    return pa.LargeStringArray.from_buffers(len(ends) - 1, pa.py_buffer(ends), pa.py_buffer(text), known)


def _known(texts: Sequence[str | None]) -> pa.Array:
    """Return texts of which most are missing."""
    encoded = [(text or "").encode() for text in texts]
    ends = np.cumsum([0, *map(len, encoded)], dtype=np.int64)
    present = np.packbits(np.array([text is not None for text in texts], dtype=bool), bitorder="little")
    return _text_array(ends, b"".join(encoded), present)


def _repeated(text: str, count: int) -> pa.Array:
    encoded = text.encode()
    return _text_array(np.arange(count + 1, dtype=np.int64) * len(encoded), encoded * count)
