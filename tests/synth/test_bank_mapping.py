"""The shipped dataset maps every generated file to rows that bronze accepts."""

from __future__ import annotations

import fnmatch
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest
import yaml

from customer360.lake.contracts import PROVENANCE, get_contract
from customer360.synth import BankFiles

pytestmark = pytest.mark.integration
FOLDER = Path(__file__).parents[2] / "datasets" / "bank"
TABLES = ("customers", "customer_changes", "customer_products", "merchant_categories", "products", "transactions")


@pytest.fixture(scope="module")
def definition() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((FOLDER / "dataset.yml").read_text(encoding="utf-8"))
    return loaded


def sources_of(definition: dict[str, Any], path: Path) -> list[dict[str, Any]]:
    return [source for source in definition["sources"] if fnmatch.fnmatch(path.name, source["files"])]


def mapped(files: BankFiles, table: str) -> duckdb.DuckDBPyRelation:
    """Run a table's mapping over its file, the last one of several, with line numbers as a loader gives them."""
    path = files.transactions[-1] if table == "transactions" else files.folder / f"{table}.parquet"
    connection = duckdb.connect()
    connection.read_parquet(str(path)).project("*, row_number() over () as _line").create("source")
    return connection.sql((FOLDER / f"{table}.sql").read_text(encoding="utf-8"))


def test_every_file_has_one_source_whose_columns_it_holds(bank_files: BankFiles, definition: dict[str, Any]) -> None:
    for path in bank_files.all:
        (source,) = sources_of(definition, path)
        assert source["format"] == "parquet"
        assert source["columns"] == pq.read_schema(path).names


def test_each_table_has_a_mapping(definition: dict[str, Any]) -> None:
    for file_format in ("parquet", "delimited"):
        sources = [source for source in definition["sources"] if source["format"] == file_format]
        assert sorted(table for source in sources for table in source["tables"]) == sorted(TABLES)
    assert sorted(path.stem for path in FOLDER.glob("*.sql")) == sorted(TABLES)


@pytest.mark.parametrize("table", TABLES)
def test_mapping_fills_the_columns_of_the_contract(bank_files: BankFiles, table: str) -> None:
    relation = mapped(bank_files, table)
    contract = get_contract(table)
    assert relation.columns[0] == "_line"
    assert set(relation.columns[1:]) <= set(contract.names) - {column.name for column in PROVENANCE}
    required = [column.name for column in contract.columns if column.required]
    assert set(required) <= set(relation.columns)
    assert relation.filter(" or ".join(f"{name} is null" for name in required)).fetchall() == []


@pytest.mark.parametrize("table", TABLES)
def test_every_value_fits_the_type_of_its_column(bank_files: BankFiles, table: str) -> None:
    relation = mapped(bank_files, table)
    types = {column.name: column.type for column in get_contract(table).columns}
    misfits = " or ".join(
        f"({name} is not null and try_cast({name} as {types[name]}) is null)" for name in relation.columns[1:]
    )
    assert relation.filter(misfits).limit(5).fetchall() == []


def test_mapping_keeps_every_row(bank_files: BankFiles) -> None:
    for table in TABLES:
        path = bank_files.transactions[-1] if table == "transactions" else bank_files.folder / f"{table}.parquet"
        assert mapped(bank_files, table).count("*").fetchall() == [(bank_files.rows[path.name],)]
