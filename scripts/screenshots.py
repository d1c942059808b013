"""Write the pictures of the pages: start them on a workspace, open them in Chromium, save docs/screens/*.png.

python scripts/screenshots.py [--home PATH] [--customer CUST00000615] [--search alexa] [--into docs/screens]

The pictures of the documentation are of the bank at demo scale (customer360 generate), loaded, built and learnt from.
"""

from __future__ import annotations

import argparse
import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from customer360.settings import WorkspaceSettings, load
from customer360.ui import command

CHROMIUM = "/usr/bin/chromium"
SWITCHES = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
START_SECONDS = 60
LAPTOP, PHONE = (1440, 900), (390, 844)


@contextmanager
def pages(home: Path) -> Iterator[str]:
    """Serve the pages of a workspace on a free port while the block runs; yields their address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {"CUSTOMER360_HOME": str(home.resolve())}
    server = subprocess.Popen(command("127.0.0.1", port), env=environment, stdout=subprocess.DEVNULL)
    try:
        _wait(f"http://127.0.0.1:{port}/_stcore/health")
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(10)


def _wait(address: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(address, timeout=2).close()
            return
        except OSError:
            time.sleep(0.2)
    raise SystemExit(f"The pages did not start within {START_SECONDS} seconds.")


def picture(browser: Browser, address: str, path: Path, *, size: tuple[int, int], scheme: str) -> None:
    """Save the whole page, as tall as it is."""
    page = browser.new_page(viewport={"width": size[0], "height": size[1]}, color_scheme=scheme)  # type: ignore[arg-type]
    page.goto(address)
    page.get_by_text("Build b").wait_for()
    page.wait_for_timeout(1_500)
    tall = page.evaluate("document.querySelector('[data-testid=stMainBlockContainer]').scrollHeight")
    page.set_viewport_size({"width": size[0], "height": tall + 20})
    page.wait_for_timeout(1_500)
    page.screenshot(path=path)
    page.close()
    print(f"{path}: {path.stat().st_size:,} bytes")


def main() -> None:
    """Parse the command line and write the pictures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--home", type=Path, help="workspace with a published build; default: that of the settings")
    parser.add_argument("--customer", default="CUST00000615", help="whose page is shown")
    parser.add_argument("--search", default="alexa", help="what is searched for")
    parser.add_argument("--into", type=Path, default=Path("docs/screens"))
    options = parser.parse_args()
    options.into.mkdir(parents=True, exist_ok=True)
    with pages(options.home or load(WorkspaceSettings).home) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=SWITCHES)
        customer = f"{address}/?customer={options.customer}"
        picture(browser, customer, options.into / "customer-light.png", size=LAPTOP, scheme="light")
        picture(browser, customer, options.into / "customer-dark.png", size=LAPTOP, scheme="dark")
        picture(browser, customer, options.into / "customer-phone.png", size=PHONE, scheme="light")
        picture(browser, address, options.into / "start-phone.png", size=PHONE, scheme="dark")
        picture(
            browser,
            f"{address}/?search={options.search}",
            options.into / "search-light.png",
            size=LAPTOP,
            scheme="light",
        )
        browser.close()


if __name__ == "__main__":
    main()
