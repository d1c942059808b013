"""The real datasets land with exactly the totals that their publishers and ``data/README.md`` state."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from customer360.ingest import LoadReport, find_dataset, load_dataset
from customer360.workspace import Workspace
from tests.ingest.shop import bronze

pytestmark = pytest.mark.integration

ONLINE_RETAIL = {
    "lines": "541909",
    "first_moment": "2010-12-01 08:26:00",
    "last_moment": "2011-12-09 12:50:00",
    "invoices": "25900",
    "customers": "4372",
    "guest_lines": "135080",
    "lines_without_description": "1454",
    "cancellation_lines": "9288",
    "bad_debt_lines": "3",
    "negative_quantity_lines": "10624",
    "negative_quantity_not_cancelled": "1336",
    "zero_price_lines": "2515",
    "negative_price_lines": "2",
    "largest_quantity": "80995",
    "post_lines": "1256",
    "dot_lines": "710",
    "m_lines": "571",
    "c2_lines": "144",
    "d_lines": "77",
    "bank_charges_lines": "37",
    "saturday_lines": "0",
    "amount": "9747747.93",
    "clean_lines": "397884",
    "clean_customers": "4338",
    "clean_amount": "8911407.90",
    "codes_differing_only_by_case": "112",
    "codes_with_several_descriptions": "650",
    "customers_in_several_countries": "8",
    "lines_without_repeats": "536641",
    "amount_without_repeats": "9726006.95",
    "largest_customer": "14646",
    "largest_customer_amount": "279489.02",
}

CDNOW = {
    "purchases": "69659",
    "customers": "23570",
    "first_day": "1997-01-01",
    "last_day": "1998-06-30",
    "discs": "167881",
    "amount": "2500315.63",
    "zero_amount_rows": "80",
}


@pytest.fixture(scope="module")
def online_retail_load(
    data_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Workspace, LoadReport]]:
    workspace = Workspace(tmp_path_factory.mktemp("known") / "home")
    yield workspace, load_dataset(workspace, find_dataset("online_retail"), data_folder / "online_retail")


def test_online_retail_reports_every_known_total(online_retail_load: tuple[Workspace, LoadReport]) -> None:
    _, report = online_retail_load
    assert report.figures == ONLINE_RETAIL
    assert not report.refused
    assert (report.batches, report.rows, report.duplicate_rows) == (306, 541_909, 5_268)
    assert report.tables == {
        "customers": 541_909 - 135_080,
        "products": 541_909,
        "transactions": 541_909,
        "merchant_categories": 5,
    }
    assert set(report.invalid.values()) == {0}


def test_online_retail_twice_lands_nothing(online_retail_load: tuple[Workspace, LoadReport], data_folder: Path) -> None:
    workspace, _ = online_retail_load
    archive = data_folder / "online_retail" / "by-day.tar.gz"
    again = load_dataset(workspace, find_dataset("online_retail"), archive)
    assert (again.landed, len(again.unchanged), again.figures) == ([], 306, ONLINE_RETAIL)


def test_online_retail_keeps_customer_ids_whole_and_their_countries_in_order(
    online_retail_load: tuple[Workspace, LoadReport],
) -> None:
    workspace, _ = online_retail_load
    ids = bronze(workspace, "select distinct customer_id from transactions where customer_id is not null")
    assert all(re.fullmatch(r"\d{5}", customer_id) for (customer_id,) in ids)
    versions = """
        with stated as (
            select customer_id, country, lag(country) over
                (partition by customer_id order by observed_at, _source_file, _line) as before
            from customers
        )
        select customer_id, count(*) + 1 from stated where country <> before group by 1 order by 1
    """
    assert bronze(workspace, versions) == [
        ("12370", 3),
        ("12394", 2),
        ("12417", 3),
        ("12422", 3),
        ("12429", 3),
        ("12431", 5),
        ("12455", 2),
        ("12457", 3),
    ]


def test_online_retail_lines_point_at_the_line_of_the_file(
    online_retail_load: tuple[Workspace, LoadReport],
) -> None:
    workspace, _ = online_retail_load
    first, last, count = bronze(
        workspace, "select min(_line), max(_line), count(*) from transactions where _source_file = '2010-12-01.csv'"
    )[0]
    [kept] = workspace.lake.glob("raw/2010_12_01_csv_*/2010-12-01.csv")
    assert (first, last) == (2, len(kept.read_text().splitlines()))
    assert count == last - 1


def test_cdnow_reports_every_known_total(data_folder: Path, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "home")
    report = load_dataset(workspace, find_dataset("cdnow"), data_folder / "cdnow")
    assert report.figures == CDNOW
    assert not report.refused
    assert (report.rows, report.duplicate_rows, report.tables["transactions"]) == (69_659, 255, 69_659)
    assert set(report.invalid.values()) == {0}
    lines = bronze(workspace, "select min(_line), max(_line), count(distinct transaction_id) from transactions")
    assert lines == [(2, 69_660, 69_659)]
