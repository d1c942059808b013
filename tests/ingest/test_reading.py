"""Rows of one file: every value as received, every row with its line, and files that do not fit named to the column."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from customer360.errors import SourceRefused
from customer360.ingest.datasets import SourceSpec
from customer360.ingest.files import SourceFile, receive
from customer360.ingest.reading import read_batches

pytestmark = pytest.mark.unit


def spec(**changed: Any) -> SourceSpec:
    return SourceSpec(**{"files": "*.csv", "columns": ["a", "b"], "tables": ["transactions"], **changed})


def read(folder: Path, data: str | bytes, source: SourceSpec | None = None) -> list[dict[str, Any]]:
    content = data.encode() if isinstance(data, str) else data
    received = receive(SourceFile("f.csv", lambda: io.BytesIO(content)), folder)
    return [row for batch in read_batches(received, source or spec()) for row in batch.to_pylist()]


def refusal(folder: Path, data: str | bytes, source: SourceSpec | None = None) -> str:
    with pytest.raises(SourceRefused) as caught:
        read(folder, data, source)
    return caught.value.message


def lines(rows: list[dict[str, Any]]) -> list[int]:
    return [row["_line"] for row in rows]


def test_values_are_text_as_received_and_empty_is_null(tmp_path: Path) -> None:
    rows = read(tmp_path, 'a,b\n 007 ,"x, ""y"""\n,""\n')
    assert rows == [{"a": " 007 ", "b": 'x, "y"', "_line": 2}, {"a": None, "b": None, "_line": 3}]


def test_null_values_are_those_of_the_source(tmp_path: Path) -> None:
    assert read(tmp_path, "a,b\nNA,\n", spec(null_values=["NA"])) == [{"a": None, "b": "", "_line": 2}]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("tail", ["", "END", "ENDENDEND"])
def test_lines_count_breaks_inside_quotes_and_blank_lines_at_the_end_do_no_harm(
    tmp_path: Path, end: str, tail: str
) -> None:
    text = 'a,bEND"1ENDEND1",2END3,4END"5","6END6"END7,8'.replace("END", end) + tail.replace("END", end)
    assert lines(read(tmp_path, text)) == [2, 5, 6, 8]


def test_a_line_break_in_a_header_name_counts(tmp_path: Path) -> None:
    assert lines(read(tmp_path, 'a,b,"c\nd"\n1,2,3\n4,5,6\n')) == [3, 4]


def test_a_byte_order_mark_is_not_part_of_the_first_name(tmp_path: Path) -> None:
    assert read(tmp_path, b'\xef\xbb\xbfa,b\n1,"2"\n') == [{"a": "1", "b": "2", "_line": 2}]
    assert read(tmp_path, b'\xef\xbb\xbf"a",b\n1,2\n') == [{"a": "1", "b": "2", "_line": 2}]


def test_latin_1_and_other_delimiters_are_read_where_the_source_says_so(tmp_path: Path) -> None:
    source = spec(encoding="latin-1", delimiter=";")
    assert read(tmp_path, "a;b\nGröße;1,5\n".encode("latin-1"), source)[0]["a"] == "Größe"


@pytest.mark.parametrize("end", ["", "\n"])
def test_a_blank_line_inside_is_refused_with_its_number(tmp_path: Path, end: str) -> None:
    assert refusal(tmp_path, f"a,b\n1,2\n\n3,4{end}") == (
        "f.csv, line 3: the line is blank; remove it and load the file again."
    )


def test_a_blank_line_inside_quotes_is_not_taken_for_the_one_that_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path, 'a,b\n"1\n\n1",2\n\n3,4\n').startswith("f.csv, line 5:")


def test_a_missing_column_is_named_with_what_is_there(tmp_path: Path) -> None:
    assert refusal(tmp_path, "a,c\n1,2\n") == "f.csv, line 1: column 'b' is missing; the file has a, c."
    assert "the file has a blank line" in refusal(tmp_path, "\na,b\n1,2\n")


def test_extra_columns_are_taken_and_names_that_repeat_are_refused(tmp_path: Path) -> None:
    assert read(tmp_path, "a,x,b\n1,2,3\n") == [{"a": "1", "x": "2", "b": "3", "_line": 2}]
    assert "column 'b' is there more than once" in refusal(tmp_path, "a,b,B\n1,2,3\n")
    assert "column '_line' is a name" in refusal(tmp_path, "a,b,_line\n1,2,3\n")


@pytest.mark.parametrize("data", ["a,b", "a,b\n", "a,b\r\n\r\n"])
def test_a_header_alone_is_refused(tmp_path: Path, data: str) -> None:
    assert refusal(tmp_path, data) == "f.csv: the file has no rows below its header."


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path, "") == "f.csv: the file is empty."


@pytest.mark.parametrize(
    ("data", "place"),
    [
        ('a,b\n1,2\n3,"cut in a qu', "line 3, column 2"),
        ('a,b\n1,2\n3,"two ""cut', "line 3, column 2"),
        ('a,b\n1,2\n"3,4\n5,6\n7,8\n', "line 3, column 1"),
        ('a,b\n1,"2"\n3,"4""\n', "line 3, column 2"),
    ],
)
def test_a_file_cut_inside_a_quoted_field_is_refused_with_line_and_column(
    tmp_path: Path, data: str, place: str
) -> None:
    assert refusal(tmp_path, data) == f"f.csv, {place}: the file ends inside a quoted field."


def test_a_quote_that_would_swallow_the_rows_behind_it_is_refused(tmp_path: Path) -> None:
    message = refusal(tmp_path, 'a,b\n"1,2\n3,"4",5\n"6","7"\n')
    assert message == "f.csv, line 2, column 1: text follows the closing quote of a field."
    assert "line 4, column 2: text follows" in refusal(tmp_path, 'a,b\n"1\n1",2\n3,"4" inch"\n5,6\n')


def test_quotes_inside_an_unquoted_field_stand_for_themselves(tmp_path: Path) -> None:
    rows = read(tmp_path, 'a,b\n6" ruler,1\n2" by 4",2\n"x",3\n')
    assert [row["a"] for row in rows] == ['6" ruler', '2" by 4"', "x"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("a,b\n1,2\n3\n", "f.csv, line 3, column 1: 1 fields, the header has 2."),
        ('a,b\n"1\n1",2\n3,4,5\n', "f.csv, line 4, column 2: 3 fields, the header has 2."),
        ("a,b\n1\x0c\u2028,2\n3\n", "f.csv, line 3, column 1: 1 fields, the header has 2."),
    ],
)
def test_a_row_of_another_width_is_refused_with_its_line(tmp_path: Path, data: str, message: str) -> None:
    assert refusal(tmp_path, data) == message


def test_bytes_of_another_encoding_are_named_with_line_and_column(tmp_path: Path) -> None:
    assert refusal(tmp_path, b"a,b\n1,2\n3,Gr\xf6\xdfe\n") == "f.csv, line 3, column 2: byte 0xf6 is not utf-8."
    assert refusal(tmp_path, b"a,b,Gr\xf6\xdfe\n1,2,3\n") == "f.csv, line 1, column 3: byte 0xf6 is not utf-8."


def test_carriage_returns_alone_are_refused_because_lines_could_not_be_counted(tmp_path: Path) -> None:
    assert "carriage return alone" in refusal(tmp_path, "a,b\r1,2\r3,4\r")


def test_a_block_that_ends_inside_a_line_break_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = 'a,b\r\n1,2\r\n"3\r\n\r\n4",5\r\n6,7\r\n'
    for size in range(14, 40):
        monkeypatch.setattr("customer360.ingest.reading.BLOCK", size)
        rows = read(tmp_path, text)
        assert [(row["a"], row["_line"]) for row in rows] == [("1", 2), ("3\r\n\r\n4", 3), ("6", 6)], size


texts = st.text(
    st.one_of(st.sampled_from('",;\n\r\t \x0b\x0c\x1c\x85\u2028é😀'), st.characters(exclude_categories=["Cs"])),
    max_size=8,
)


def quoted(value: str) -> str:
    return '"' + value.replace('"', '""') + '"' if set(value) & set('",\r\n') else value


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150)
@given(
    rows=st.lists(st.tuples(texts, texts, texts), min_size=1, max_size=8),
    end=st.sampled_from(["\n", "\r\n"]),
    block=st.integers(200, 400),
)
def test_every_value_survives_and_every_line_number_points_at_its_row(
    tmp_path: Path, rows: list[tuple[str, str, str]], end: str, block: int
) -> None:
    text, starts = f"a,b,c{end}", []
    for row in rows:
        starts.append(text.count("\n") + 1)
        text += ",".join(quoted(value) for value in row) + end
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("customer360.ingest.reading.BLOCK", block)
        got = read(tmp_path, text)
    assert [(row["a"], row["b"], row["c"]) for row in got] == [tuple(value or None for value in row) for row in rows]
    assert lines(got) == starts


PATTERN = r"^ *(?P<a>\d+) +(?P<b>[^ ]+)$"


def test_a_pattern_gives_its_groups_and_keeps_line_numbers(tmp_path: Path) -> None:
    source = spec(format="pattern", pattern=PATTERN, header_lines=1)
    rows = read(tmp_path, "\ufefftitle\r\n 1 x\x0cy\r\n2 z\r\n\r\n \n", source)
    assert rows == [{"a": "1", "b": "x\x0cy", "_line": 2}, {"a": "2", "b": "z", "_line": 3}]


def test_a_line_that_does_not_fit_the_pattern_is_refused_and_shown(tmp_path: Path) -> None:
    source = spec(format="pattern", pattern=PATTERN, header_lines=1)
    assert refusal(tmp_path, "title\n1 x\nnot this\n", source) == (
        "f.csv, line 3: 'not this' does not fit the pattern of the source."
    )
    assert refusal(tmp_path, "title\n1 x\n\n2 y\n", source).startswith("f.csv, line 3: ''")
    assert "no rows below" in refusal(tmp_path, "title\n", source)
    assert refusal(tmp_path, b"title\n1 \xff\n", source) == "f.csv, line 2: byte 0xff is not utf-8."


def parquet(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


def test_parquet_keeps_its_types_and_counts_rows(tmp_path: Path) -> None:
    rows = read(tmp_path, parquet(pa.table({"a": [1, 2], "b": ["x", None]})), spec(format="parquet"))
    assert rows == [{"a": 1, "b": "x", "_line": 1}, {"a": 2, "b": None, "_line": 2}]


def test_parquet_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    source = spec(format="parquet")
    whole = parquet(pa.table({"a": [1], "b": [2]}))
    assert "cannot be read as Parquet" in refusal(tmp_path, whole[:-20], source)
    assert "column 'b' is missing" in refusal(tmp_path, parquet(pa.table({"a": [1]})), source)
    assert "no rows" in refusal(tmp_path, parquet(pa.table({"a": pa.array([], "i8"), "b": pa.array([], "i8")})), source)
