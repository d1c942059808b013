"""A bank as CSV is the same bank: same rows once loaded, same bytes every time, written as it is drawn."""

from __future__ import annotations

import csv
import weakref
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from customer360.errors import Conflict, InvalidInput, Unavailable
from customer360.ingest import find_dataset, load_dataset
from customer360.lake import PROVENANCE, create_bronze_views, live_batches
from customer360.synth import BankFiles, BankSpec, generate_bank
from customer360.synth.bank import TABLES
from customer360.synth.files import write_rows
from customer360.workspace import Workspace

pytestmark = pytest.mark.integration
SPEC = BankSpec(customers=300, transactions=40_000, months=4)
BRONZE = (*TABLES, "transactions")


@pytest.fixture(scope="module")
def banks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, BankFiles]:
    folder = tmp_path_factory.mktemp("banks")
    return {kind: generate_bank(SPEC, folder / kind, file_format=kind) for kind in ("parquet", "csv")}


@pytest.fixture(scope="module")
def bronze(
    banks: dict[str, BankFiles], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, duckdb.DuckDBPyConnection]]:
    """A connection per format, with bronze as it is once the files were loaded."""
    connections = {}
    for kind, files in banks.items():
        workspace = Workspace(tmp_path_factory.mktemp("home") / kind)
        report = load_dataset(workspace, find_dataset("bank"), files.folder)
        assert report.refused == []
        assert set(report.invalid.values()) == {0}
        connections[kind] = duckdb.connect()
        create_bronze_views(connections[kind], workspace, live_batches(workspace))
    yield connections
    for connection in connections.values():
        connection.close()


@pytest.mark.contract("E.05")
@pytest.mark.parametrize("table", BRONZE)
def test_bronze_is_the_same_whichever_format_was_loaded(
    bronze: dict[str, duckdb.DuckDBPyConnection], banks: dict[str, BankFiles], table: str
) -> None:
    columns = ", ".join(column.name for column in PROVENANCE)
    rows = {
        kind: connection.sql(f"select * exclude ({columns}) from bronze.{table} order by all").fetchall()
        for kind, connection in bronze.items()
    }
    assert rows["csv"] == rows["parquet"]
    names = [name for name in banks["csv"].rows if name.startswith(table)]
    assert len(rows["csv"]) == sum(banks["csv"].rows[name] for name in names) > 0


def test_files_have_the_same_names_with_another_ending(banks: dict[str, BankFiles]) -> None:
    names = {kind: [path.stem for path in files.all] for kind, files in banks.items()}
    assert names["csv"] == names["parquet"]
    assert {path.suffix for path in banks["csv"].folder.iterdir()} == {".csv"}
    assert [path.name for path in banks["csv"].transactions] == [
        "transactions-2025-07.csv",
        "transactions-2025-08.csv",
        "transactions-2025-09.csv",
        "transactions-2025-10.csv",
    ]
    assert list(banks["csv"].rows.values()) == list(banks["parquet"].rows.values())


def test_csv_has_a_header_and_nothing_for_null(banks: dict[str, BankFiles]) -> None:
    lines = banks["csv"].customer_products.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "customer_id,product_id,relationship_type,start_date,end_date,balance"
    assert any(line.endswith(",,") for line in lines)
    assert '"' not in banks["csv"].transactions[0].read_text(encoding="utf-8")
    with banks["csv"].products.open(encoding="utf-8", newline="") as file:
        products = list(csv.DictReader(file))
    assert products[0]["attributes"].startswith('{"annual_fee"')
    assert products[0]["end_date"] == ""


def test_csv_has_the_same_bytes_every_time(banks: dict[str, BankFiles], tmp_path: Path) -> None:
    for threads, chunk_rows in ((1, 1), (4, 10_000_000)):
        out = tmp_path / str(threads)
        again = generate_bank(SPEC, out, file_format="csv", threads=threads, chunk_rows=chunk_rows)
        for ours, theirs in zip(banks["csv"].all, again.all, strict=True):
            assert ours.read_bytes() == theirs.read_bytes()


def test_csv_is_written_as_it_comes(tmp_path: Path) -> None:
    """No more than the table in hand and the one before it is alive at any time."""
    schema = pa.schema([("text", pa.string())])
    alive: list[weakref.ref[pa.Table]] = []

    def tables() -> Iterator[pa.Table]:
        for number in range(20):
            assert sum(reference() is not None for reference in alive) <= 1
            table = pa.table([[str(number)] * 1_000], schema=schema)
            alive.append(weakref.ref(table))
            yield table
            del table

    assert write_rows(tmp_path / "rows.csv", tables(), schema) == 20_000


@pytest.mark.parametrize("kinds", [("parquet", "csv"), ("csv", "parquet")])
def test_a_folder_does_not_take_a_bank_in_both_formats(tmp_path: Path, kinds: tuple[str, str]) -> None:
    spec = BankSpec(20, 100, months=1)
    first = generate_bank(spec, tmp_path, file_format=kinds[0])
    with pytest.raises(Conflict, match=f"customer_changes.{kinds[0]}"):
        generate_bank(spec, tmp_path, file_format=kinds[1])
    first.customer_changes.unlink()
    with pytest.raises(Conflict, match=f"customer_products.{kinds[0]}"):
        generate_bank(spec, tmp_path, file_format=kinds[1])
    assert {path.suffix for path in tmp_path.iterdir()} == {f".{kinds[0]}"}


def test_an_unknown_format_is_refused_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="'parkett'") as fault:
        generate_bank(BankSpec(20, 100), tmp_path / "out", file_format="parkett")
    assert "'parquet'" in fault.value.next_action
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["rows.csv", "rows.parquet"])
def test_a_disk_that_fills_up_is_said_and_leaves_the_old_file(tmp_path: Path, name: str) -> None:
    schema = pa.schema([("text", pa.string())])
    path = tmp_path / name
    path.write_text("of before")

    def tables() -> Iterator[pa.Table]:
        yield pa.table([["a"]], schema=schema)
        raise OSError(28, "No space left on device")

    with pytest.raises(Unavailable) as fault:
        write_rows(path, tables(), schema)
    assert fault.value.code == "disk_full"
    assert [left.name for left in tmp_path.iterdir()] == [name]
    assert path.read_text() == "of before"
