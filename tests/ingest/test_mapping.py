"""A mapping gives the contract's columns and types; what does not fit is kept, and faults name what to correct."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from customer360.errors import InvalidDefinition, SourceRefused
from customer360.ingest import find_dataset
from customer360.ingest.mapping import FILE, Mapping, Origin, Part
from customer360.lake import PROVENANCE, get_contract
from tests.ingest.shop import PRODUCTS, TRANSACTIONS

pytestmark = pytest.mark.unit

ORIGIN = Origin("f.csv", "f_1", "2026-01-01T00:00:00")


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(config={"threads": 1}) as opened:
        yield opened


def write(
    connection: duckdb.DuckDBPyConnection, folder: Path, mapping: Mapping, columns: dict[str, list[Any]]
) -> list[dict[str, Any]]:
    rows = len(next(iter(columns.values())))
    source = pa.table({**columns, "_line": pa.array(range(2, rows + 2), pa.int64())})
    connection.register("source", source)
    path = folder / mapping.contract.name / "f_1.parquet"
    [counts] = mapping.write(connection, source.schema, [Part(ORIGIN, rows, path)])
    written: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    assert counts.rows == len(written)
    assert counts.invalid == sum(row["_invalid"] is not None for row in written)
    return written


def shop_rows(**changed: list[Any]) -> dict[str, list[Any]]:
    rows = len(next(iter(changed.values()), [None]))
    first = {"sale": "1", "sold_at": "2026-01-05 09:12:00", "customer": "C1", "pieces": "1", "price": "2.50"}
    return {**{name: [value] * rows for name, value in first.items()}, **changed}


def test_the_file_has_the_columns_and_types_of_the_contract(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    [row] = write(connection, tmp_path, Mapping("transactions", TRANSACTIONS), shop_rows())
    contract = [*get_contract("transactions").columns, *PROVENANCE]
    assert list(row) == [column.name for column in contract]
    described = connection.read_parquet(str(tmp_path / "transactions" / "f_1.parquet"))
    assert list(map(str, described.types)) == [column.type for column in contract]
    assert row["transaction_amount"] == Decimal("2.5000")
    assert (row["_line"], row["_source_file"], row["_batch_id"], row["_invalid"]) == (2, "f.csv", "f_1", None)


def test_values_that_do_not_fit_are_null_and_kept_as_received(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    columns = shop_rows(pieces=["1", 'a "few"', "3"], price=["1", "n/a", "1,50"])
    rows = write(connection, tmp_path, Mapping("transactions", TRANSACTIONS), columns)
    assert [row["quantity"] for row in rows] == [1, None, 3]
    assert [row["_invalid"] and json.loads(row["_invalid"]) for row in rows] == [
        None,
        {"quantity": 'a "few"', "transaction_amount": "n/a"},
        {"transaction_amount": "1,50"},
    ]


@pytest.mark.parametrize(
    ("received", "quantity"), [("2", 2), ("-2", -2), ("2.0", 2), (" 2 ", 2), ("2.5", None), ("3000000000", None)]
)
def test_a_whole_number_is_never_rounded_to(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, received: str, quantity: int | None
) -> None:
    rows = write(connection, tmp_path, Mapping("transactions", TRANSACTIONS), shop_rows(pieces=["1", received]))
    assert rows[1]["quantity"] == quantity
    assert rows[1]["_invalid"] == (None if quantity else json.dumps({"quantity": received}, separators=(",", ":")))


@pytest.mark.parametrize(
    ("received", "amount"), [("17.849999999999998", "17.85"), ("1e3", "1000"), ("2.55555", None), ("nan", None)]
)
def test_money_keeps_every_digit_or_is_kept_as_received(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, received: str, amount: str | None
) -> None:
    rows = write(connection, tmp_path, Mapping("transactions", TRANSACTIONS), shop_rows(price=["1", received]))
    assert rows[1]["transaction_amount"] == (Decimal(amount) if amount else None)
    assert (rows[1]["_invalid"] is None) == (amount is not None)


def test_a_null_is_not_a_value_that_does_not_fit(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    [row] = write(connection, tmp_path, Mapping("transactions", TRANSACTIONS), shop_rows(pieces=[None]))
    assert (row["quantity"], row["_invalid"]) == (None, None)


def test_a_column_that_never_fits_refuses_the_file_with_line_and_column(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    with pytest.raises(SourceRefused, match=r"^f.csv, line 3, column quantity: no value of the file is a INTEGER"):
        write(connection, tmp_path, Mapping("transactions", TRANSACTIONS), shop_rows(pieces=[None, "one", "two"]))


def test_files_of_one_source_may_differ_in_their_types(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    mapping = Mapping("products", "select _line, sale as product_id, note as product_name from source")
    [text] = write(connection, tmp_path, mapping, {"sale": ["7"], "note": ["x"]})
    [number] = write(connection, tmp_path, mapping, {"sale": [7], "note": ["x"]})
    assert text["product_id"] == number["product_id"] == "7"


def test_a_select_that_fails_on_a_value_refuses_the_file(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    mapping = Mapping("transactions", TRANSACTIONS.replace("pieces as quantity", "pieces::integer as quantity"))
    with pytest.raises(SourceRefused, match=r"^f.csv: transactions.sql fails on this file: Conversion Error.*'few'"):
        write(connection, tmp_path, mapping, shop_rows(pieces=["few"]))


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("drop table x", "transactions.sql must be one select"),
        ("select 1; select 2", "transactions.sql must be one select"),
        ("selec _line from", "transactions.sql"),
        ("", "transactions.sql cannot be parsed"),
    ],
)
def test_a_mapping_is_one_select(sql: str, message: str) -> None:
    with pytest.raises(InvalidDefinition, match=message):
        Mapping("transactions", sql)


@pytest.mark.parametrize(
    ("sql", "message", "action"),
    [
        (PRODUCTS.replace("note", "notes"), 'products.sql does not run: .*"notes" not found', "those of the file"),
        (PRODUCTS.replace("as product_name", "as product_nam"), "gives a column 'product_nam'", "'product_name'"),
        (PRODUCTS.replace("_line, ", ""), "does not give '_line'", "_line is a column of source"),
        (PRODUCTS.replace("sale as product_id, ", ""), "does not give 'product_id'", "Select it"),
    ],
)
def test_a_mapping_that_does_not_fit_the_table_says_what_to_correct(
    connection: duckdb.DuckDBPyConnection, sql: str, message: str, action: str
) -> None:
    connection.register("source", pa.table({"sale": ["1"], "note": ["x"], "_line": [2]}))
    with pytest.raises(InvalidDefinition, match=message) as fault:
        Mapping("products", sql).check(connection)
    assert action in fault.value.next_action


def test_a_mapping_may_have_ctes_and_unions(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    sql = f"with named as ({PRODUCTS}) select * from named union all select * from named"
    assert len(write(connection, tmp_path, Mapping("products", sql), {"sale": ["1"], "note": ["x"]})) == 2


NUMBERED = TRANSACTIONS.replace(
    "sale as transaction_id", "sale || '-' || row_number() over (order by _line) as transaction_id"
)


@pytest.mark.parametrize("select", [TRANSACTIONS, NUMBERED], ids=["plain", "window"])
def test_files_mapped_together_are_mapped_as_each_alone(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, select: str
) -> None:
    select = f"{select} where pieces <> '0'"
    mapping = Mapping("transactions", select)
    files = [
        shop_rows(sale=["1", "2"], pieces=["1", "few"]),
        shop_rows(sale=["3"], pieces=["0"]),
        shop_rows(sale=["1", "5", "6"]),
    ]
    alone = [write(connection, tmp_path / str(place), mapping, columns) for place, columns in enumerate(files)]
    together = pa.concat_tables(
        pa.table({**columns, "_line": range(2, len(columns["sale"]) + 2), FILE: [place] * len(columns["sale"])})
        for place, columns in enumerate(files)
    )
    connection.register("source", together)
    parts = [Part(ORIGIN, len(columns["sale"]), tmp_path / f"together_{place}") for place, columns in enumerate(files)]
    counts = mapping.write(connection, together.schema, parts)
    assert [(count.rows, count.invalid) for count in counts] == [(2, 1), (0, 0), (3, 0)]
    assert [pq.read_table(part.path).to_pylist() for part in parts] == alone


@pytest.mark.parametrize(
    "select",
    [
        "select * from source",
        "select distinct _line, sale as product_id from source",
        "select min(_line) as _line, sale as product_id from source group by sale",
        "select _line, sale as product_id from source limit 3",
        "select _line, sale as product_id from (select * from source)",
        "select source._line, sale as product_id from source join source as other using (sale)",
        "select _line, (select max(sale) from source) as product_id from source",
        "select _line, unnest(string_split(sale, ' ')) as product_id from source",
        "select _line, some_macro(sale) as product_id from source",
        "select _line, first(sale) over w as product_id from source window w as (order by _line)",
        "select _line, sale as product_id from source union all select _line, note from source",
    ],
)
def test_a_select_that_may_mix_rows_of_files_is_never_run_over_several(select: str) -> None:
    assert not Mapping("products", select).takes_several


def test_the_shipped_mappings_of_many_small_files_take_several() -> None:
    folder = find_dataset("online_retail")
    assert all(Mapping(table, folder.mapping(table)).takes_several for table in folder.dataset.sources[0].tables)
