"""A small dataset and its files, for tests of how files land."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from typing import Any

import duckdb

from customer360.ingest import DatasetFolder, LoadReport, load_dataset
from customer360.lake import create_bronze_views, live_batches
from customer360.workspace import Workspace

HEADER = "sale,sold_at,customer,pieces,price,note"

DEFINITION = """
name: shop
title: A small shop
currency: EUR
sources:
  - files: "*.csv"
    columns: [sale, sold_at, customer, pieces, price, note]
    tables: [transactions, products]
reference: [merchant_categories]
"""

TRANSACTIONS = """
select
    _line,
    sale as transaction_id,
    customer as customer_id,
    'all' as merchant_category_id,
    left(sold_at, 10) as transaction_date,
    sold_at as transaction_at,
    price as transaction_amount,
    pieces as quantity,
    'purchase' as transaction_type,
    'approved' as status,
    'EUR' as currency,
    'till' as source_system
from source
"""

PRODUCTS = "select _line, sale as product_id, note as product_name from source"

CATEGORIES = "select 1 as _line, 'all' as category_id, 'All' as category_name, 'Other' as category_group"


def write_shop(folder: Path, **changed: str) -> DatasetFolder:
    """Write the dataset's folder, with some of its files changed (``definition``, or a table's name), and open it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "dataset.yml").write_text(changed.pop("definition", DEFINITION), encoding="utf-8")
    selects = {"transactions": TRANSACTIONS, "products": PRODUCTS, "merchant_categories": CATEGORIES, **changed}
    for table, sql in selects.items():
        (folder / f"{table}.sql").write_text(sql, encoding="utf-8")
    return DatasetFolder(folder)


def sale(number: int, *, pieces: object = 1, price: object = "2.50", note: str = "") -> str:
    """Return one row of a shop's file; ``note`` is written as given, quotes and all."""
    return f"{number},2026-01-05 09:12:00,C{number % 3},{pieces},{price},{note}"


def sales(*numbers: int, price: object = "2.50") -> str:
    """Return a whole file with one row per number."""
    return "\n".join([HEADER, *(sale(number, price=price) for number in numbers)]) + "\n"


def put(folder: Path, **files: str | bytes) -> Path:
    """Write files, each named after its keyword with ``.csv`` behind it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        data = content.encode() if isinstance(content, str) else content
        (folder / f"{name}.csv").write_bytes(data)
    return folder


def pack(path: Path, files: dict[str, str | bytes], *, mode: str = "w:gz") -> Path:
    """Write an archive that holds these files in this order."""
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


def land(workspace: Workspace, shop: DatasetFolder, path: Path, *, replace: bool = False) -> LoadReport:
    return load_dataset(workspace, shop, path, replace=replace)


def refusals(report: LoadReport) -> list[str]:
    return [refusal.message for refusal in report.refused]


def landed(report: LoadReport) -> list[str]:
    """Return the names of the files that landed, without the reference tables."""
    return [manifest.source for manifest in report.landed if not manifest.source.endswith(".sql")]


def bronze(workspace: Workspace, sql: str) -> list[tuple[Any, ...]]:
    """Run a query over the live batches."""
    with duckdb.connect() as connection:
        create_bronze_views(connection, workspace, live_batches(workspace))
        connection.execute("USE bronze")
        return connection.execute(sql).fetchall()
