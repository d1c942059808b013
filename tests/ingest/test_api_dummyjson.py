"""DummyJSON's users, products and baskets in bronze, and none of its secrets anywhere."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from customer360.demo_api import DemoSettings
from customer360.ingest.api import IngestReport, ingest
from customer360.ingest.api_sources import find_api_source
from customer360.lake import create_bronze_views, live_batches, raw_folder
from customer360.workspace import Workspace
from tests.servers.demo_api import QUIET, running
from tests.servers.records_api import giving

pytestmark = pytest.mark.integration

COUNTS = {"users": 208, "products": 194, "carts": 208}


@pytest.fixture(scope="module")
def fetched(data_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, IngestReport]:
    workspace = Workspace(tmp_path_factory.mktemp("dummyjson"))
    with running(DemoSettings(trouble=QUIET, dummyjson=data_folder / "dummyjson")) as api:
        return workspace, ingest(workspace, find_api_source("dummyjson"), api.address)


@pytest.fixture
def bronze(fetched: tuple[Workspace, IngestReport]) -> Iterator[duckdb.DuckDBPyConnection]:
    workspace, _ = fetched
    with duckdb.connect() as connection:
        create_bronze_views(connection, workspace, live_batches(workspace))
        yield connection


def of_file(data_folder: Path, name: str) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = json.loads(
        gzip.decompress((data_folder / "dummyjson" / f"{name}.json.gz").read_bytes())
    )
    return records


def test_every_user_product_and_basket_lands(fetched: tuple[Workspace, IngestReport]) -> None:
    _, report = fetched
    assert {outcome.endpoint: outcome.landed for outcome in report.outcomes} == COUNTS
    assert report.figures.customers == 208
    assert report.figures.records == report.figures.landed == sum(COUNTS.values())


def test_customers_have_where_they_live(bronze: duckdb.DuckDBPyConnection, data_folder: Path) -> None:
    rows = bronze.sql(
        "select source_customer_id::int, first_name, last_name, email, avatar, age, country, state, city "
        "from bronze.api_customers order by 1"
    ).fetchall()
    assert rows == [
        (
            *(user[name] for name in ("id", "firstName", "lastName", "email", "image", "age")),
            *(user["address"][name] for name in ("country", "stateCode", "city")),
        )
        for user in of_file(data_folder, "users")
    ]


def test_baskets_come_to_what_they_say_to_four_decimals(bronze: duckdb.DuckDBPyConnection, data_folder: Path) -> None:
    rows = bronze.sql(
        "select source_cart_id::int, source_customer_id::int, product_count, quantity, total_amount "
        "from bronze.api_carts where _invalid is null order by 1"
    ).fetchall()
    assert rows == [
        (
            *(cart[name] for name in ("id", "userId", "totalProducts", "totalQuantity")),
            round(Decimal(repr(cart["discountedTotal"])), 4),
        )
        for cart in of_file(data_folder, "carts")
    ]


def test_products_are_told_apart_from_those_of_files(bronze: duckdb.DuckDBPyConnection, data_folder: Path) -> None:
    rows = bronze.sql(
        "select product_id, product_name, category, type, attributes from bronze.products "
        "order by source_product_id::int"
    ).fetchall()
    given = of_file(data_folder, "products")
    assert [row[:4] for row in rows] == [
        (f"dummyjson:{product['id']}", product["title"], product["category"], "product") for product in given
    ]
    for row, product in zip(rows, given, strict=True):
        attributes = json.loads(row[4])
        assert (attributes["price"], attributes.get("brand")) == (product["price"], product.get("brand"))
        assert "reviews" not in attributes


SECRETS = {"password": "hunter2", "ssn": "900-590-289", "bank": {"cardNumber": "3693233511855044"}}


@pytest.mark.parametrize(
    "user", [SECRETS | {"id": 1, "address": SECRETS}, [SECRETS], {"id": SECRETS, "email": SECRETS}]
)
def test_no_secret_reaches_the_disk(tmp_path: Path, user: Any) -> None:
    workspace = Workspace(tmp_path)
    with giving() as api:
        for name, records in {"users": [user], "products": [{"id": 1, "reviews": [SECRETS]}], "carts": []}.items():
            api.documents[f"/{name}"] = json.dumps({name: records, "total": len(records)}).encode()
        report = ingest(workspace, find_api_source("dummyjson"), api.address)
    assert report.figures.records == 2
    with duckdb.connect() as connection:
        for batch in report.run.batches:
            assert list(raw_folder(workspace, batch).iterdir())
        for file in workspace.home.rglob("*"):
            text = file.read_bytes() if file.is_file() else b""
            if file.suffix == ".parquet":
                text = str(connection.read_parquet(str(file)).fetchall()).encode()
            assert not any(secret in text for secret in (b"hunter2", b"900-590", b"36932335")), file
