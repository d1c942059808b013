"""Records that land together keep every byte, whatever they hold."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customer360.ingest.api_chunks import SOURCE_COLUMNS, Chunk
from customer360.ingest.api_contract import Checked
from customer360.ingest.api_json import write_record

pytestmark = pytest.mark.unit
AT = datetime(2026, 5, 1, 12, 30, 0, 123456)  # noqa: DTZ001  (bronze keeps UTC without zone)
JSON = st.recursive(st.none() | st.integers(-(2**60), 2**60) | st.text(), st.lists, max_leaves=4)


def checked(records: list[Any]) -> Checked:
    return Checked([write_record(record) for record in records], [None] * len(records))


@given(pages=st.lists(st.lists(JSON, max_size=4), max_size=4))
def test_what_was_added_comes_out_in_its_order(pages: list[list[Any]]) -> None:
    chunk = Chunk()
    for number, records in enumerate(pages, start=1):
        chunk.add(number, checked(records))
    rows = chunk.as_table("reqres", "run", AT).to_pylist()
    expected = [(number, record) for number, records in enumerate(pages, start=1) for record in records]
    assert [(row["page"], json.loads(row["payload"])) for row in rows] == expected
    assert [row["_line"] for row in rows] == list(range(1, len(expected) + 1))
    assert {(row["source_system"], row["run_id"], row["fetched_at"]) for row in rows} <= {("reqres", "run", AT)}
    assert (len(chunk), chunk.pages) == (len(expected), len(pages))


def test_the_file_has_a_line_for_each_record(tmp_path: Path) -> None:
    chunk = Chunk()
    chunk.add(1, checked([{"name": "Jürgen\n"}, [], None]))
    chunk.write(tmp_path / "in" / "chunk.jsonl")
    assert (tmp_path / "in" / "chunk.jsonl").read_text(encoding="utf-8").splitlines() == [
        '{"name":"Jürgen\\n"}',
        "[]",
        "null",
    ]


def test_why_a_record_is_quarantined_stands_beside_it() -> None:
    chunk = Chunk()
    chunk.add(1, Checked([b"{}", b"[]", b"1"], [None, "not_an_object", "contract:größe"]))
    codes = chunk.as_table("reqres", "run", AT)["reject_code"].to_pylist()
    assert codes == [None, "not_an_object", "contract:größe"]


def test_an_empty_chunk_is_an_empty_table() -> None:
    table = Chunk().as_table("reqres", "run", AT)
    assert (table.num_rows, table.schema) == (0, SOURCE_COLUMNS)


def test_landing_does_without_pandas() -> None:
    code = (
        "import sys; from datetime import datetime; from customer360.ingest.api_chunks import Chunk; chunk = Chunk(); "
        "from customer360.ingest.api_contract import Checked; "
        "chunk.add(1, Checked([b'{}'], ['no'])); chunk.as_table('a', 'b', datetime(2026, 1, 1)); "
        "assert 'pandas' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
