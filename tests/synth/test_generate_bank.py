from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import date
from pathlib import Path

import duckdb
import pytest

from customer360.errors import Conflict
from customer360.synth import BankFiles, BankSpec, generate_bank

pytestmark = pytest.mark.integration
SMALL = BankSpec(customers=400, transactions=100_000)
OpenBank = Callable[[BankFiles], duckdb.DuckDBPyConnection]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> BankFiles:
    return generate_bank(SMALL, tmp_path_factory.mktemp("small"))


def contents(files: BankFiles) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in files.all}


def differing(first: BankFiles, second: BankFiles) -> list[str]:
    ours, theirs = contents(first), contents(second)
    return [name for name in ours | theirs if ours.get(name) != theirs.get(name)]


def test_second_run_writes_the_same_bytes(small: BankFiles, tmp_path: Path) -> None:
    again = generate_bank(SMALL, tmp_path)
    assert differing(small, again) == []
    assert again.rows == small.rows


def test_threads_and_chunk_size_do_not_change_a_byte(tmp_path: Path) -> None:
    """Months here hold more than one row group, so that chunks end inside and across groups."""
    spec = BankSpec(customers=1_500, transactions=450_000, months=2)
    banks = [
        generate_bank(spec, tmp_path / str(threads), threads=threads, chunk_rows=chunk_rows)
        for threads, chunk_rows in ((1, 1), (2, 50_000), (5, 10_000_000))
    ]
    assert differing(banks[0], banks[1]) == []
    assert differing(banks[0], banks[2]) == []


def test_another_seed_is_another_bank(small: BankFiles, tmp_path: Path) -> None:
    other = generate_bank(dataclasses.replace(SMALL, seed=43), tmp_path)
    fixed = {"merchant_categories.parquet", "products.parquet"}
    assert set(differing(small, other)) == {path.name for path in small.all} - fixed


@pytest.mark.parametrize("table", ["customers", "customer_changes", "customer_products", "transactions"])
def test_customers_are_the_same_at_any_scale_of_equal_density(
    small: BankFiles, open_bank: OpenBank, tmp_path: Path, table: str
) -> None:
    tenth = generate_bank(BankSpec(customers=40, transactions=10_000), tmp_path)
    mine = "customer_id <= 'CUST00000040'"
    whole, part = (open_bank(files).table(table).filter(mine) for files in (small, tenth))
    columns = ", ".join(whole.columns[:2])
    expected = whole.order(columns).fetchall()
    assert part.order(columns).fetchall() == expected
    assert len(expected) > 10
    assert table == "customer_changes" or any("CUST00000017" in row for row in expected)


def test_attributes_and_changes_do_not_depend_on_density(small: BankFiles, tmp_path: Path) -> None:
    sparse = generate_bank(dataclasses.replace(SMALL, transactions=20_000), tmp_path)
    assert sparse.customers.read_bytes() == small.customers.read_bytes()
    assert [name for name in differing(small, sparse) if not name.startswith("transactions-")] == []


@pytest.mark.contract("X.1")
@pytest.mark.contract("S3.112")
def test_count_is_near_its_target(small: BankFiles, bank_files: BankFiles, bank_spec: BankSpec) -> None:
    assert small.transaction_count == pytest.approx(SMALL.transactions, rel=0.03)
    assert bank_files.transaction_count == pytest.approx(bank_spec.transactions, rel=0.01)


def test_rows_reported_are_rows_written(small: BankFiles) -> None:
    counted = {path.name: duckdb.read_parquet(str(path)).count("*").fetchall()[0][0] for path in small.all}
    assert counted == small.rows


def test_one_file_per_calendar_month(small: BankFiles, open_bank: OpenBank) -> None:
    names = [path.name for path in small.transactions]
    assert names[0] == "transactions-2024-05.parquet"
    assert names[-1] == "transactions-2025-10.parquet"
    assert len(names) == 18
    connection = open_bank(small)
    connection.read_parquet(str(small.transactions[3]), filename=False).create("august")
    months = connection.sql("select distinct strftime(transaction_date, '%Y-%m') from august").fetchall()
    assert months == [("2024-08",)]


def test_window_that_starts_inside_a_month(open_bank: OpenBank, tmp_path: Path) -> None:
    files = generate_bank(BankSpec(50, 3_000, months=2, as_of=date(2025, 11, 18)), tmp_path)
    bounds = open_bank(files).sql("select min(transaction_date), max(transaction_date) from transactions").fetchall()
    assert [path.stem[-7:] for path in files.transactions] == ["2025-09", "2025-10", "2025-11"]
    assert bounds == [(date(2025, 9, 19), date(2025, 11, 18))]


def test_bank_of_one_customer_is_complete(tmp_path: Path) -> None:
    files = generate_bank(BankSpec(1, 1, months=1), tmp_path)
    assert files.rows["customers.parquet"] == 1
    assert all(path.is_file() for path in files.all)


def test_progress_counts_the_months(tmp_path: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    generate_bank(BankSpec(20, 500, months=3), tmp_path, progress=lambda *step: seen.append(step))
    assert seen == [("customers", 20, 20), *(("transactions", done, 3) for done in (1, 2, 3))]


def test_folder_of_other_months_is_refused(small: BankFiles) -> None:
    with pytest.raises(Conflict, match=r"transactions-2024-05\.parquet"):
        generate_bank(BankSpec(20, 500, months=1), small.folder)


def test_interrupted_run_leaves_no_unfinished_file(tmp_path: Path) -> None:
    def stop(step: str, done: int, total: int) -> None:
        if step == "transactions":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generate_bank(BankSpec(200, 20_000), tmp_path, progress=stop)
    assert [path for path in tmp_path.iterdir() if path.suffix != ".parquet"] == []
