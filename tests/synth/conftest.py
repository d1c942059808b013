"""Banks that several tests read: generated once a session, opened in DuckDB as one table per kind of file."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import duckdb
import pytest

from customer360.synth import BankFiles, BankSpec, generate_bank

OpenBank = Callable[[BankFiles], duckdb.DuckDBPyConnection]
STANDARD_DENSITY = BankSpec(customers=5_000, transactions=1_350_000)


@pytest.fixture(scope="session")
def bank_spec() -> BankSpec:
    return STANDARD_DENSITY


@pytest.fixture(scope="session")
def bank_files(tmp_path_factory: pytest.TempPathFactory, bank_spec: BankSpec) -> BankFiles:
    return generate_bank(bank_spec, tmp_path_factory.mktemp("bank"))


@pytest.fixture(scope="session")
def bank(bank_files: BankFiles) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection with the bank's files as tables, and ``purchases``: transactions with what is known of them."""
    connection = _open_bank(bank_files)
    yield connection
    connection.close()


@pytest.fixture(scope="session")
def open_bank() -> OpenBank:
    return _open_bank


def _open_bank(files: BankFiles) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    for table in ("customers", "customer_changes", "customer_products", "merchant_categories", "products"):
        connection.read_parquet(str(files.folder / f"{table}.parquet")).create(table)
    connection.read_parquet([str(path) for path in files.transactions]).create("transactions")
    connection.execute(
        """
        create view purchases as
        select t.*, c.customer_segment as segment, c.account_open_date, c.decline_type, m.* exclude (category_id)
        from transactions as t
        join customers as c using (customer_id)
        join merchant_categories as m on t.merchant_category_id = m.category_id
        """
    )
    return connection
