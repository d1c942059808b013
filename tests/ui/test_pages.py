"""The script of the pages without a browser: workspaces that have nothing, datasets that lack columns."""

from __future__ import annotations

import sys
import urllib.request
from datetime import date
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
from scripts.screenshots import pages
from streamlit.testing.v1 import AppTest

from customer360 import ui
from customer360.customers import list_search_fields
from customer360.semantic import Figures, Reader
from customer360.ui import command
from customer360.ui.trend import is_running, money_axis, spending_chart
from customer360.ui.wording import as_markdown, change, counted

pytestmark = pytest.mark.ui

POUNDS = Figures("GBP", "en_GB")


def run(home: Path, monkeypatch: pytest.MonkeyPatch, **address: str) -> AppTest:
    """Run the script once on a workspace."""
    monkeypatch.setenv("CUSTOMER360_HOME", str(home))
    app = AppTest.from_file(str(ui.SCRIPT), default_timeout=60)
    for name, value in address.items():
        app.query_params[name] = value
    return app.run()


def test_an_empty_workspace_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = run(tmp_path / "empty", monkeypatch)
    assert not app.exception
    assert "Nothing is published yet" in app.warning[0].value
    assert "customer360 load" in app.warning[0].value
    assert not (tmp_path / "empty").exists()


def test_a_setting_that_does_not_fit_says_which(
    online_retail_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUERY_TIMEOUT", "soon")
    app = run(tmp_path / "other", monkeypatch)
    assert not app.exception
    assert "QUERY" in app.warning[0].value


def test_a_dataset_without_names_countries_and_orders_is_shown(
    cdnow_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = run(cdnow_home, monkeypatch)
    assert not start.exception
    assert not start.warning
    first = start.button[0]
    assert "$" in first.label
    customer = first.key.removeprefix("pick-")  # type: ignore[union-attr]
    app = run(cdnow_home, monkeypatch, customer=customer)
    assert not app.exception
    assert not app.warning
    assert [heading.value for heading in app.subheader] == [
        "Net spend by month",
        "What to expect",
        "About this customer",
        "Latest transactions",
    ]


def test_amounts_are_drawn_in_the_datasets_currency_over_values_that_sort(
    online_retail_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = run(online_retail_home, monkeypatch, customer="14646")
    table = app.dataframe[-1]
    drawn = pa.ipc.open_stream(table.proto.arrow_data.styler.display_values).read_all().to_pylist()
    assert list(drawn[0].values())[:2] == ["8 Dec 2011", "£250.60"]
    assert table.value["transaction_amount"].iloc[0] == Decimal("250.6000")


def test_picking_a_customer_puts_it_into_the_address(online_retail_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = run(online_retail_home, monkeypatch, search="1464")
    app.button(key="pick-14646").click().run()
    assert app.query_params["customer"] == "14646"
    assert not app.exception


def test_the_fields_to_search_in_are_those_that_the_build_has(online_retail: Reader) -> None:
    with online_retail.pin() as reading:
        assert list_search_fields(reading) == ["customer_id"]


def test_the_pages_start_from_a_folder_with_settings_of_its_own(
    online_retail_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / ".streamlit").mkdir(parents=True)
    (elsewhere / ".streamlit" / "config.toml").write_text("[browser]\ngatherUsageStats = true\n")
    monkeypatch.chdir(elsewhere)
    with pages(online_retail_home) as address, urllib.request.urlopen(f"{address}/_stcore/health") as answer:
        assert answer.status == 200


def test_the_command_names_host_and_port_and_sends_nothing_home() -> None:
    given = command("127.0.0.1", 8601)
    assert given[:4] == [sys.executable, "-m", "streamlit", "run"]
    assert {"--server.address=127.0.0.1", "--server.port=8601", "--browser.gatherUsageStats=false"} <= set(given)
    assert "--server.fileWatcherType=none" in given
    assert "--server.fileWatcherType=auto" in command("127.0.0.1", 8601, reload=True)


def test_a_month_is_running_until_its_last_day() -> None:
    assert is_running(date(2011, 12, 1), date(2011, 12, 9))
    assert not is_running(date(2011, 12, 1), date(2011, 12, 31))
    assert not is_running(date(2011, 11, 1), date(2011, 12, 9))


def test_the_axis_is_written_as_the_datasets_country_does() -> None:
    assert money_axis(POUNDS)["tickprefix"] == "£"
    euros = Figures("EUR", "de_DE")
    assert money_axis(euros)["ticksuffix"].strip() == "€"
    row = {"transaction_date_month": date(2024, 2, 1), "total_spend": Decimal("1234.5"), "transaction_count": 1}
    chart = spending_chart([row], as_of=date(2024, 2, 29), figures=euros)
    assert chart.layout.separators == ",."
    assert chart.data[0].customdata[0][0].startswith("1.234,50")
    assert chart.data[0].marker.pattern.shape == ("",)
    assert chart.layout.xaxis.range == (date(2023, 2, 16), date(2024, 2, 16))


@pytest.mark.parametrize(
    ("before", "share", "expected"),
    [
        (Decimal(0), None, ("", "No spend in the 90 days before")),
        (Decimal("-5"), None, ("", "-£5.00 in the 90 days before")),
        (Decimal("200"), -50.0, ("-50.0 %", "from £200.00 in the 90 days before")),
    ],
)
def test_a_change_says_what_it_is_compared_with(
    before: Decimal, share: float | None, expected: tuple[str, str]
) -> None:
    assert change({"spend_prior_90_days": before, "spend_change_pct": share}, POUNDS) == expected


def test_counts_and_text_are_written_plainly() -> None:
    assert [counted(n, "day", POUNDS) for n in (None, 1, 2085)] == ["–", "1 day", "2,085 days"]
    assert as_markdown("a*b :red[c]") == r"a\*b \:red\[c\]"
