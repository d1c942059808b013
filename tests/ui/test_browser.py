"""The customer page as people use it: the real page, real data, a real browser, figures checked against plain SQL."""

from __future__ import annotations

import re
from typing import Any, Literal

import duckdb
import pytest
from playwright.sync_api import Browser, Page, expect
from scripts.screenshots import PHONE

pytestmark = [pytest.mark.ui, pytest.mark.xdist_group("browser")]  # one server and one browser for all

LARGEST = "14646"
CONTRAST = """() => {
  const pixel = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const rgba = colour => {
    pixel.clearRect(0, 0, 1, 1); pixel.fillStyle = colour; pixel.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = pixel.getImageData(0, 0, 1, 1).data; return [r, g, b, a / 255];
  };
  const over = (top, below) => [0, 1, 2].map(i => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
  const ground = element => {
    const layers = [];
    for (let e = element; e; e = e.parentElement) layers.push(rgba(getComputedStyle(e).backgroundColor));
    return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255, 1]);
  };
  const light = c => { const [r, g, b] = c.slice(0, 3).map(v => v / 255)
    .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const faint = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let seen = 0;
  for (let node; (node = walker.nextNode());) {
    const element = node.parentElement, style = getComputedStyle(element);
    const skipped = element.closest('canvas, style, script, noscript, [data-testid=stIconMaterial]');
    if (!node.textContent.trim() || skipped || !element.checkVisibility({opacityProperty: true})) continue;
    const back = ground(element), ink = element.closest('svg') ? style.fill : style.color;
    const front = over(rgba(ink), back), [a, b] = [light(front), light(back)].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    seen += 1;
    if (ratio < 4.5) faint.push(`${node.textContent.trim().slice(0, 40)}: ${ink} ${ratio.toFixed(2)}`);
  }
  return [seen, faint];
}"""


def open_page(page: Page, address: str) -> None:
    """Open an address and wait until the page is drawn to its footer."""
    page.goto(address)
    expect(page.locator(".c360-footer")).to_have_count(1)  # while a page is redrawn, the old footer is still there
    settle(page)


def settle(page: Page) -> None:
    """Wait until the page has stopped drawing; a click before that can get lost."""
    page.wait_for_timeout(500)
    expect(page.get_by_test_id("stStatusWidget")).to_have_count(0)
    page.wait_for_timeout(500)


def search(page: Page, text: str) -> None:
    page.get_by_label("Find a customer").fill(text)
    page.keyboard.press("Enter")
    settle(page)


def card(page: Page, label: str) -> str:
    """Return the figure on a card."""
    found = page.locator(".c360-card").filter(has=page.get_by_text(label, exact=True))
    return found.locator(".c360-value").inner_text()


def one(lines: duckdb.DuckDBPyConnection, sql: str) -> Any:
    row = lines.execute(sql, [LARGEST]).fetchone()
    assert row is not None
    return row[0]


def test_a_search_for_an_id_shows_the_figures_that_the_raw_files_add_up_to(
    page: Page, site: str, raw_lines: duckdb.DuckDBPyConnection
) -> None:
    open_page(page, site)
    search(page, LARGEST)
    expect(page.get_by_role("heading", name=f"Customer {LARGEST}")).to_be_visible()
    whole = one(raw_lines, "select sum(amount) from lines where customer_id = ?")
    mean = one(raw_lines, "select avg(amount) from lines where customer_id = ?")
    last = one(raw_lines, "select sum(amount) from lines where customer_id = ? and day > date '2011-12-09' - 90")
    days = one(raw_lines, "select date '2011-12-09' - max(day) from lines where customer_id = ?")
    months = one(raw_lines, "select sum(amount) / 13 from lines where customer_id = ?")
    assert card(page, "Lifetime value") == f"£{whole:,.2f}" == "£279,489.02"
    assert card(page, "Spend, last 90 days") == f"£{last:,.2f}"
    assert card(page, "Average transaction") == f"£{mean:,.2f}"
    assert card(page, "Average monthly spend") == f"£{months:,.2f}"
    assert card(page, "Since the last transaction") == f"{days} day"
    expect(page.locator("#root")).to_contain_text("Active")
    expect(page).to_have_title(f"Customer {LARGEST} · Customer360")


def test_the_trend_shows_what_each_month_adds_up_to(
    page: Page, site: str, raw_lines: duckdb.DuckDBPyConnection
) -> None:
    open_page(page, f"{site}/?customer={LARGEST}")
    expect(page.locator(".js-plotly-plot .bars")).to_be_visible()
    shown = page.evaluate("document.querySelector('.js-plotly-plot').data[0].customdata.map(d => d[0])")
    sql = "select sum(amount) from lines where customer_id = ? group by date_trunc('month', day) order by min(day)"
    assert shown == [f"£{value:,.2f}" for (value,) in raw_lines.execute(sql, [LARGEST]).fetchall()]
    patterns = page.evaluate("document.querySelector('.js-plotly-plot').data[0].marker.pattern.shape")
    assert patterns == [*[""] * 12, "/"]
    expect(page.get_by_text("The hatched month is not over")).to_contain_text("9 Dec 2011")
    expect(page.locator(".js-plotly-plot .ytick").first).to_contain_text("£")


def test_the_latest_transactions_say_how_many_there_are_in_all(page: Page, site: str) -> None:
    open_page(page, f"{site}/?customer={LARGEST}")
    expect(page.get_by_text("The newest 1,000 of 2,085 transactions.")).to_be_visible()
    table = page.get_by_test_id("stDataFrame").last
    table.scroll_into_view_if_needed()
    headings = table.locator("th[role=columnheader]")
    expect(headings.first).to_have_text("Date")
    assert headings.all_text_contents()[:4] == ["Date", "Amount", "Product", "Quantity"]
    expect(table.locator("tr[aria-rowindex='2'] td").nth(1)).to_have_text("250.6")


def test_a_fragment_gives_several_customers_to_pick_from_and_an_address_to_share(page: Page, site: str) -> None:
    open_page(page, site)
    search(page, "1464")
    hits = page.locator(".st-key-picks button")
    expect(page.get_by_role("heading", name=re.compile(r"\d+ customers match “1464”"))).to_be_visible()
    expect(hits.first).to_contain_text(f"Customer {LARGEST}")
    settle(page)
    hits.nth(1).click()
    expect(page.get_by_role("heading", name="Customer 14640")).to_be_visible()
    expect(page).to_have_url(re.compile(r"search=1464.*customer=14640|customer=14640.*search=1464"))
    settle(page)
    page.get_by_role("button", name="Back to the results for").click()
    expect(hits.first).to_contain_text(f"Customer {LARGEST}")
    settle(page)
    hits.nth(1).click()
    expect(page.get_by_role("heading", name="Customer 14640")).to_be_visible()
    open_page(page, page.url)
    expect(page.get_by_role("heading", name="Customer 14640")).to_be_visible()
    search(page, LARGEST)
    expect(page.get_by_role("heading", name=f"Customer {LARGEST}")).to_be_visible()
    expect(page).not_to_have_url(re.compile("customer="))


def test_an_empty_search_starts_with_the_largest_customers(page: Page, site: str) -> None:
    open_page(page, site)
    hits = page.locator(".st-key-picks button")
    expect(hits).to_have_count(10)
    expect(hits.first).to_contain_text("£279,489.02")
    expect(page.get_by_text("The first 10 of 4,372 customers.")).to_be_visible()


@pytest.mark.parametrize("text", ["%", "_", "'; drop table x --", "<b>x</b>", "**a** :smile: $x$", "no such"])
def test_a_search_without_a_hit_shows_the_text_as_it_was_typed(page: Page, site: str, text: str) -> None:
    open_page(page, site)
    search(page, text)
    told = page.get_by_test_id("stAlert")
    expect(told).to_contain_text(f"No customer matches “{text}”.")
    expect(told).to_contain_text("This dataset has no name and no e-mail address to search in.")
    expect(page.locator(".c360-footer")).to_have_count(1)  # while a page is redrawn, the old footer is still there


def test_a_customer_that_does_not_exist_leaves_the_page_usable(page: Page, site: str) -> None:
    open_page(page, f"{site}/?customer=nobody")
    expect(page.get_by_test_id("stAlert")).to_contain_text("There is no customer nobody in this build.")
    page.get_by_role("button", name="All customers").click()
    expect(page.locator(".st-key-picks button")).to_have_count(10)


def test_every_view_says_which_build_it_shows(page: Page, site: str) -> None:
    for view in ("", f"?customer={LARGEST}", "?search=146", "?search=nobody"):
        open_page(page, f"{site}/{view}")
        footer = page.locator(".c360-footer")
        expect(footer).to_contain_text(re.compile(r"Build b\d{8}t\d{6}_[0-9a-f]{4}"))
        expect(footer).to_contain_text("As of 9 Dec 2011")
        expect(footer).to_contain_text("UCI Online Retail")
        expect(page.get_by_test_id("stException")).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_can_be_read(chromium: Browser, site: str, scheme: Literal["light", "dark"]) -> None:
    context = chromium.new_context(color_scheme=scheme)
    page = context.new_page()
    for view in ("", f"?customer={LARGEST}", "?customer=12350", "?search=146", "?search=nobody"):
        open_page(page, f"{site}/{view}")
        if "customer=" in view:
            expect(page.locator(".js-plotly-plot .ytick").first).to_be_visible()
        seen, faint = page.evaluate(CONTRAST)
        assert seen > 10
        assert faint == [], view
    context.close()


def test_the_theme_menu_switches_between_our_palettes(page: Page, site: str) -> None:
    open_page(page, site)
    for name, colour in (("Dark", "rgb(16, 23, 29)"), ("Light", "rgb(255, 255, 255)")):
        page.get_by_test_id("stMainMenu").click()
        page.get_by_role("menuitemradio", name=name).or_(page.get_by_text(name, exact=True)).first.click()
        page.keyboard.press("Escape")
        expect(page.locator(".stApp")).to_have_css("background-color", colour)


@pytest.mark.parametrize("view", ["", f"?customer={LARGEST}", "?search=146"])
def test_a_phone_never_scrolls_sideways(chromium: Browser, site: str, view: str) -> None:
    context = chromium.new_context(viewport={"width": PHONE[0], "height": PHONE[1]})
    page = context.new_page()
    open_page(page, f"{site}/{view}")
    widths = "[document.scrollingElement, document.querySelector('[data-testid=stMain]')].map(e => e.scrollWidth)"
    assert max(page.evaluate(widths)) <= PHONE[0]
    context.close()


def test_a_customer_who_moved_has_a_history(page: Page, site: str) -> None:
    open_page(page, f"{site}/?customer=12370")
    expect(page.get_by_role("heading", name="What changed over time")).to_be_visible()
    open_page(page, f"{site}/?customer={LARGEST}")
    expect(page.get_by_role("heading", name="What changed over time")).to_have_count(0)
