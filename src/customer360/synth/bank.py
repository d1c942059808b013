"""Generate the bank: customers, their changes and holdings, categories, products, and transactions by month."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa

from customer360.errors import Conflict
from customer360.synth.behaviour import build_behaviour
from customer360.synth.catalogue import CATEGORIES, GROUP_NAMES, LEISURE, NECESSITIES, TRAVEL, category_id
from customer360.synth.changes import Changes, build_changes
from customer360.synth.customers import customers_table
from customer360.synth.files import FORMATS, suffix_of, worker_count, write_rows
from customer360.synth.holdings import holdings_table
from customer360.synth.population import Population, build_population
from customer360.synth.products import products_table
from customer360.synth.space import FreeBytes, free_bytes, refuse_without_space
from customer360.synth.spec import EPOCH, BankSpec
from customer360.synth.transactions import TRANSACTION_SCHEMA, TransactionModel, build_model, iter_transactions

Progress = Callable[[str, int, int], None]
CHUNK_ROWS = 200_000
CATEGORY_SCHEMA = pa.schema(
    [
        ("category_id", pa.string()),
        ("category_name", pa.string()),
        ("category_group", pa.string()),
        ("parent_category", pa.string()),
        ("is_discretionary", pa.bool_()),
        ("is_travel", pa.bool_()),
        ("is_necessity", pa.bool_()),
    ]
)
TABLES = ("merchant_categories", "products", "customers", "customer_changes", "customer_products")
"""Tables of one file each, in the order they are best loaded."""


@dataclass(frozen=True)
class BankFiles:
    """The files of a generated bank and the number of rows in each, by file name."""

    folder: Path
    customers: Path
    customer_changes: Path
    merchant_categories: Path
    products: Path
    customer_products: Path
    transactions: tuple[Path, ...]
    rows: dict[str, int]

    @property
    def all(self) -> tuple[Path, ...]:
        """Return every file, in the order they are best loaded."""
        return (
            self.merchant_categories,
            self.products,
            self.customers,
            self.customer_changes,
            self.customer_products,
            *self.transactions,
        )

    @property
    def transaction_count(self) -> int:
        return sum(self.rows[path.name] for path in self.transactions)


@dataclass(frozen=True)
class _Month:
    name: str
    first_day: int
    last_day: int


def generate_bank(
    spec: BankSpec,
    out: Path,
    *,
    file_format: str = "parquet",
    progress: Progress | None = None,
    threads: int | None = None,
    chunk_rows: int = CHUNK_ROWS,
    free: FreeBytes = free_bytes,
) -> BankFiles:
    """Write the files of a synthetic bank to a folder; the bytes depend on the specification and the format alone.

    ``progress`` is called with a step, how many of its parts are done and how many there are. Memory grows with
    customers, threads and ``chunk_rows``, not with transactions. ``free`` tells how many bytes the disk still takes.

    Raises:
        InvalidInput: there is no such format.
        Conflict: the folder holds files of a bank over other months, or in the other format.
        Unavailable: the files would not fit the disk; nothing was written.
    """
    report = progress or _ignore
    suffix = suffix_of(file_format)
    months = list(_iter_months(spec, suffix))
    _refuse_other_files(out, suffix, months)
    refuse_without_space(spec, out, file_format, free)
    out.mkdir(parents=True, exist_ok=True)
    population = build_population(spec)
    changes = build_changes(spec, population)
    rows = _write_tables(spec, population, changes, out, suffix)
    report("customers", spec.customers, spec.customers)
    model = build_model(spec, build_behaviour(spec, population), changes.cards)
    rows |= _write_months(model, out, months, report, threads=worker_count(threads), chunk_rows=chunk_rows)
    return _files(out, suffix, months, rows)


def _write_tables(spec: BankSpec, population: Population, changes: Changes, out: Path, suffix: str) -> dict[str, int]:
    tables = (
        _categories_table(),
        products_table(spec.as_of),
        customers_table(spec, population),
        changes.table,
        holdings_table(spec, population, changes.cards),
    )
    paths = [out / f"{name}{suffix}" for name in TABLES]
    return {path.name: write_rows(path, [table], table.schema) for path, table in zip(paths, tables, strict=True)}


def _files(out: Path, suffix: str, months: list[_Month], rows: dict[str, int]) -> BankFiles:
    return BankFiles(
        folder=out,
        customers=out / f"customers{suffix}",
        customer_changes=out / f"customer_changes{suffix}",
        merchant_categories=out / f"merchant_categories{suffix}",
        products=out / f"products{suffix}",
        customer_products=out / f"customer_products{suffix}",
        transactions=tuple(out / month.name for month in months),
        rows=rows,
    )


def _write_months(
    model: TransactionModel, out: Path, months: list[_Month], report: Progress, *, threads: int, chunk_rows: int
) -> dict[str, int]:
    """Write each month's file on a thread of its own; the first error stops what has not started."""
    rows: dict[str, int] = {}
    with ThreadPoolExecutor(threads, thread_name_prefix="synth") as pool:
        running = {pool.submit(_write_month, model, out, month, chunk_rows): month for month in months}
        try:
            for done, (month, count) in enumerate(_iter_finished(running), start=1):
                rows[month.name] = count
                report("transactions", done, len(months))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return dict(sorted(rows.items()))


def _iter_finished(running: dict[Future[int], _Month]) -> Iterator[tuple[_Month, int]]:
    waiting: Iterable[Future[int]] = set(running)
    while waiting:
        finished, waiting = wait(waiting, return_when=FIRST_COMPLETED)
        for future in finished:
            yield running[future], future.result()


def _write_month(model: TransactionModel, out: Path, month: _Month, chunk_rows: int) -> int:
    chunks = iter_transactions(model, month.first_day, month.last_day, chunk_rows)
    return write_rows(out / month.name, chunks, TRANSACTION_SCHEMA)


def _iter_months(spec: BankSpec, suffix: str) -> Iterator[_Month]:
    first = spec.first_day
    while first <= spec.as_of:
        following = date(first.year + first.month // 12, first.month % 12 + 1, 1)
        last = min(following - timedelta(days=1), spec.as_of)
        yield _Month(f"transactions-{first:%Y-%m}{suffix}", (first - EPOCH).days, (last - EPOCH).days)
        first = following


def _refuse_other_files(out: Path, suffix: str, months: list[_Month]) -> None:
    """Refuse a folder that would hold two banks, or one bank twice: whoever loads it would count both."""
    expected = {f"{table}{suffix}" for table in TABLES} | {month.name for month in months}
    banks = {f"{name}.{kind}" for kind in FORMATS for name in (*TABLES, "transactions-*")}
    others = sorted(path.name for name in banks for path in out.glob(name) if path.name not in expected)
    if others:
        raise Conflict(
            f"{out} holds {others[0]} of another bank, whose months or format differ from the ones asked for.",
            next_action="Generate into an empty folder.",
        )


def _categories_table() -> pa.Table:
    rows = [
        {
            "category_id": category_id(index),
            "category_name": category.name,
            "category_group": GROUP_NAMES[category.group],
            "parent_category": category.parent,
            "is_discretionary": category.group in (LEISURE, TRAVEL),
            "is_travel": category.group == TRAVEL,
            "is_necessity": category.group == NECESSITIES,
        }
        for index, category in enumerate(CATEGORIES)
    ]
    return pa.Table.from_pylist(rows, CATEGORY_SCHEMA)


def _ignore(step: str, done: int, total: int) -> None:
    """Report nothing."""
    del step, done, total
