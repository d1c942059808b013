"""What a flat table's columns are taken for, which are left out, and which files are refused."""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from customer360.churn.flat import read_table
from customer360.churn.table import Column, make_features, read_text, type_column, why_left_out
from customer360.errors import InvalidInput, NotFound

pytestmark = pytest.mark.unit


def typed(*values: str, name: str = "x") -> Column:
    return type_column(name, pa.array(values))


def test_a_blank_among_numbers_is_a_missing_number() -> None:
    column = typed("29.85", "", "1e2", "NaN", "N/A")
    assert column.kind == "number"
    np.testing.assert_array_equal(column.values, [29.85, np.nan, 100, np.nan, np.nan])


def test_infinity_is_a_missing_number() -> None:
    np.testing.assert_array_equal(typed("inf", "1", "-Infinity").values, [np.nan, 1, np.nan])


def test_dates_are_days() -> None:
    column = typed("1970-01-03", "", "1970-01-02 12:00:00")
    assert column.kind == "date"
    np.testing.assert_array_equal(column.values, [2, np.nan, 1.5])


def test_words_are_categories_and_only_the_empty_text_is_missing_among_them() -> None:
    column = typed("NA", "EU", "", "NA")
    assert (column.kind, column.levels, column.distinct) == ("category", ("NA", "EU"), 2)
    np.testing.assert_array_equal(column.values, [0, 1, np.nan, 0])


@pytest.mark.parametrize(
    ("name", "values", "reason"),
    [
        ("x", [""] * 30, "no value"),
        ("x", ["5"] * 30, "the same value"),
        ("x", [f"C{n}" for n in range(30)], "as an id has"),
        ("RowNumber", [str(n) for n in range(30)], "as an id has"),
        ("x", [str(n) for n in range(7, 37)], "as an id has"),
        ("customerId", [str(n * n) for n in range(30)], "as an id has"),
        ("remark", [f"text {n // 2}" for n in range(30)] + ["a"] * 0, ""),
        ("remark", [f"text {n}" for n in range(25)] + ["a"] * 5, "few of them come again"),
        ("spend", [str(n * n) for n in range(30)], ""),
        ("x", ["5", ""] * 15, ""),
    ],
)
def test_columns_that_teach_nothing_are_left_out_with_the_reason(name: str, values: list[str], reason: str) -> None:
    found = why_left_out(type_column(name, pa.array(values)))
    assert reason in found
    assert bool(found) is bool(reason)


def test_rare_categories_are_one_and_missing_stays_missing() -> None:
    column = type_column("x", pa.array(["a", "b", "a", "c", "b", ""]))
    features = make_features([column, typed("1", "2", "3", "4", "5", "6", name="y")])
    np.testing.assert_array_equal(features.values[:, 0], [0, 1, 0, 2, 1, np.nan])
    assert features.categories == (0,)
    assert features.without({"x"}).categories == ()


def test_parquet_reads_as_csv_does(tmp_path: Path) -> None:
    csv, parquet = tmp_path / "t.csv", tmp_path / "t.parquet"
    csv.write_text("a,b,c,churn\n1.5,x,2020-01-01,true\n2.5,y,2020-01-02,false\n,x,2020-01-03,true\n", encoding="utf-8")
    duckdb.sql(f"COPY (SELECT * FROM '{csv}') TO '{parquet}'")
    assert {name: text.to_pylist() for name, text in read_text(csv).items()} == {
        "a": ["1.5", "2.5", None],
        "b": ["x", "y", "x"],
        "c": ["2020-01-01", "2020-01-02", "2020-01-03"],
        "churn": ["true", "false", "true"],
    }
    for name, column in read_text(csv).items():
        one, other = type_column(name, column), type_column(name, read_text(parquet)[name])
        assert (one.kind, one.levels) == (other.kind, other.levels)
        np.testing.assert_array_equal(one.values, other.values)


def test_a_file_that_is_no_table_is_refused(tmp_path: Path) -> None:
    broken = tmp_path / "t.parquet"
    broken.write_bytes(b"not a table")
    empty = tmp_path / "t.csv"
    empty.write_text("a,churn\n", encoding="utf-8")
    with pytest.raises(InvalidInput, match="cannot be read as a table"):
        read_text(broken)
    with pytest.raises(InvalidInput, match="no rows"):
        read_text(empty)
    with pytest.raises(NotFound):
        read_text(tmp_path / "missing.csv")


def test_rows_without_a_label_are_left_out_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,b,churn\n1,5,yes\n2,5,\n3,5,no\n", encoding="utf-8")
    table = read_table(path, label="churn", id_column=None, positive=None, drop=())
    assert (table.unlabelled, table.left.tolist(), table.positive) == (1, [True, False], "yes")
    assert [column.column for column in table.left_out] == ["b"]


def test_a_table_of_an_id_and_a_label_teaches_nothing(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("id,churn\n1,yes\n2,no\n", encoding="utf-8")
    with pytest.raises(InvalidInput, match="no column that a model could learn from") as refused:
        read_table(path, label="churn", id_column="id", positive=None, drop=())
    assert refused.value.details[0]["message"] == "it was named as the id"


@pytest.mark.parametrize(
    ("options", "field"), [({"label": "chrun"}, "label"), ({"drop": ["aa"]}, "drop"), ({"id_column": "idd"}, "id")]
)
def test_a_column_that_is_not_there_is_refused_by_the_option(
    tmp_path: Path, options: dict[str, object], field: str
) -> None:
    path = tmp_path / "t.csv"
    path.write_text("id,a,churn\n1,2,yes\n2,3,no\n", encoding="utf-8")
    given: dict[str, object] = {"label": "churn", "drop": [], "id_column": None, "positive": None}
    with pytest.raises(InvalidInput) as refused:
        read_table(path, **(given | options))  # type: ignore[arg-type]
    assert refused.value.details[0]["field"] == field
    assert refused.value.next_action
