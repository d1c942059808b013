"""The pages as a real server, and a real browser in front of them."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from scripts.screenshots import CHROMIUM, LAPTOP, SWITCHES, pages

from tests.conftest import skip_or_fail

WAIT = 90_000  # the first page of a cold server, beside other tests on two cores
expect.set_options(timeout=WAIT)


@pytest.fixture(scope="session")
def site(online_retail_home: Path) -> Iterator[str]:
    """The address of the pages over Online Retail."""
    with pages(online_retail_home) as address:
        yield address


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    if not Path(CHROMIUM).is_file():
        skip_or_fail(f"the browser is not at {CHROMIUM}; install Debian's package chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=SWITCHES)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A laptop's window that nobody used before; it fails the test when it asks another machine for anything."""
    asked: list[str] = []
    context = chromium.new_context(viewport={"width": LAPTOP[0], "height": LAPTOP[1]}, color_scheme="light")
    window = context.new_page()
    window.set_default_timeout(WAIT)
    window.on("request", lambda request: asked.append(request.url))
    window.on("websocket", lambda socket: asked.append(socket.url))
    yield window
    context.close()
    local = ("http://127.0.0.1:", "ws://127.0.0.1:", "data:", "blob:")
    assert [url for url in asked if not url.startswith(local)] == []


@pytest.fixture(scope="session")
def raw_lines(data_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """The raw CSV files as the view ``lines``: read by nothing of ours."""
    folder = tmp_path_factory.mktemp("raw")
    with tarfile.open(data_folder / "online_retail" / "by-day.tar.gz") as archive:
        archive.extractall(folder, filter="data")
    connection = duckdb.connect()
    connection.execute(
        f"""
        create view lines as
        select
            CustomerID.replace('.0', '') as customer_id,
            InvoiceNo as order_id,
            InvoiceDate[:10]::date as day,
            Quantity::integer * UnitPrice::decimal(18, 4) as amount
        from read_csv('{folder}/**/*.csv', all_varchar = true, header = true, union_by_name = true)
        """
    )
    yield connection
    connection.close()
