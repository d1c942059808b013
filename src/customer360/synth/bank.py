"""Generate the bank: customers, their change feed, categories, products and one transaction file per month."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa

from customer360.errors import Conflict
from customer360.synth.behaviour import build_behaviour
from customer360.synth.catalogue import CATEGORIES, GROUP_NAMES, LEISURE, NECESSITIES, PRODUCTS, TRAVEL, category_id
from customer360.synth.changes import build_changes
from customer360.synth.customers import customers_table
from customer360.synth.files import worker_count, write_parquet
from customer360.synth.population import build_population
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
PRODUCT_SCHEMA = pa.schema([(name, pa.string()) for name in ("product_id", "product_name", "category", "type")])


@dataclass(frozen=True)
class BankFiles:
    """The files of a generated bank and the number of rows in each, by file name."""

    folder: Path
    customers: Path
    customer_changes: Path
    merchant_categories: Path
    products: Path
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
    progress: Progress | None = None,
    threads: int | None = None,
    chunk_rows: int = CHUNK_ROWS,
) -> BankFiles:
    """Write the files of a synthetic bank to a folder; the bytes depend on the specification alone.

    ``progress`` is called with a step, how many of its parts are done and how many there are. Memory grows with
    customers, threads and ``chunk_rows``, not with transactions.

    Raises:
        Conflict: the folder holds transaction files of a bank over other months.
    """
    report = progress or _ignore
    months = list(_iter_months(spec))
    out.mkdir(parents=True, exist_ok=True)
    _refuse_other_months(out, months)
    population = build_population(spec)
    changes = build_changes(spec, population)
    write = functools.partial(_write_table, out)
    rows = dict(
        [
            write("merchant_categories.parquet", _categories_table()),
            write("products.parquet", pa.Table.from_pylist([row._asdict() for row in PRODUCTS], PRODUCT_SCHEMA)),
            write("customers.parquet", customers_table(spec, population)),
            write("customer_changes.parquet", changes.table),
        ]
    )
    report("customers", spec.customers, spec.customers)
    model = build_model(spec, build_behaviour(spec, population), changes.cards)
    rows |= _write_months(model, out, months, report, threads=worker_count(threads), chunk_rows=chunk_rows)
    return BankFiles(
        folder=out,
        customers=out / "customers.parquet",
        customer_changes=out / "customer_changes.parquet",
        merchant_categories=out / "merchant_categories.parquet",
        products=out / "products.parquet",
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
    return write_parquet(out / month.name, chunks, TRANSACTION_SCHEMA)


def _write_table(out: Path, name: str, table: pa.Table) -> tuple[str, int]:
    return name, write_parquet(out / name, [table], table.schema)


def _iter_months(spec: BankSpec) -> Iterator[_Month]:
    first = spec.first_day
    while first <= spec.as_of:
        following = date(first.year + first.month // 12, first.month % 12 + 1, 1)
        last = min(following - timedelta(days=1), spec.as_of)
        yield _Month(f"transactions-{first:%Y-%m}.parquet", (first - EPOCH).days, (last - EPOCH).days)
        first = following


def _refuse_other_months(out: Path, months: list[_Month]) -> None:
    expected = {month.name for month in months}
    others = sorted(path.name for path in out.glob("transactions-*.parquet") if path.name not in expected)
    if others:
        raise Conflict(
            f"{out} holds {others[0]} of another bank, whose months differ from the ones asked for.",
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
