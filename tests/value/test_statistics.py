"""Counting: one purchase a day, time from the first one, and nothing after the calibration in what is learnt from."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import date, timedelta
from pathlib import Path

import pytest

from customer360.errors import Customer360Error, InvalidInput, NotFound, NotIdentified
from customer360.value import CustomerStatistics, open_purchases, summarise
from tests.value.conftest import write_csv

pytestmark = pytest.mark.unit

SHOP = [
    "A,2024-01-01,10",
    "A,2024-01-01,5",
    "A,2024-01-15,8",
    "A,2024-01-15,12",
    "A,2024-01-29,0",
    "A,2024-03-01,40",
    "B,2024-01-08,7.5",
    "B,2024-03-02,1",
    "B,2024-03-02,2",
    "C,2024-02-20,9",
    "D,2024-03-05,9",
    ",2024-01-02,99",
    "A,2024-01-20,-8",
]


def count(path: Path, **options: object) -> CustomerStatistics:
    with open_purchases(path, customer="customer", date="day", amount="amount") as purchases:
        return summarise(purchases, **options)  # type: ignore[arg-type]


def test_each_customer_is_counted_up_to_the_calibrations_end_and_after(tmp_path: Path) -> None:
    found = count(write_csv(tmp_path / "shop.csv", SHOP), calibration_end=date(2024, 2, 20), holdout_days=14)
    assert found.customer_ids.to_pylist() == ["A", "B", "C"], "D came later, and a guest is nobody"
    assert found.frequency.tolist() == [2, 0, 0], "two purchases of one day are one, a return is none"
    assert found.recency.tolist() == [4, 0, 0]
    assert found.age.tolist() == pytest.approx([50 / 7, 43 / 7, 0])
    assert found.value_frequency.tolist() == [1, 0, 0], "a purchase for nothing has no value"
    assert found.mean_value.tolist() == [20, 0, 0], "of repeat days; the first day is left out"
    assert found.later_purchases.tolist() == [1, 1, 0]
    assert found.later_spend.tolist() == [40, 3, 0]


def test_the_holdout_ends_with_the_data_where_no_day_is_given(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "shop.csv", SHOP)
    assert count(path, holdout_days=10).calibration_end == date(2024, 2, 24)
    assert count(path).calibration_end == date(2024, 3, 5)


def test_rows_that_are_no_purchase_of_a_customer_are_counted(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "shop.csv", SHOP)
    with open_purchases(path, customer="customer", date="day", amount="amount") as purchases:
        assert purchases.left_out == 2


def test_counting_agrees_with_counting_by_hand_on_drawn_purchases(tmp_path: Path) -> None:
    draw, start, end = random.Random(5), date(2024, 1, 1), date(2024, 6, 30)
    rows = [(draw.randrange(60), start + timedelta(draw.randrange(300)), draw.randrange(5)) for _ in range(900)]
    path = write_csv(tmp_path / "drawn.csv", [f"{who:02},{day:%Y%m%d},{amount}" for who, day, amount in rows])
    found = count(path, calibration_end=end, holdout_days=30)
    days: dict[str, dict[date, int]] = defaultdict(lambda: defaultdict(int))
    for number, day, amount in rows:
        days[f"{number:02}"][day] += amount
    known = {who: by_day for who, by_day in days.items() if min(by_day) <= end}
    assert found.customer_ids.to_pylist() == sorted(known)
    for place, who in enumerate(sorted(known)):
        first = min(known[who])
        repeats = [day for day in known[who] if first < day <= end]
        assert found.frequency[place] == len(repeats)
        assert found.recency[place] == pytest.approx((max([first, *repeats]) - first).days / 7)
        assert found.age[place] == pytest.approx((end - first).days / 7)
        values = [known[who][day] for day in repeats if known[who][day] > 0]
        assert found.mean_value[place] == pytest.approx(sum(values) / len(values) if values else 0)
        assert found.later_purchases[place] == sum(end < day <= end + timedelta(30) for day in known[who])


@pytest.mark.parametrize(
    ("options", "field", "said"),
    [
        ({"calibration_end": date(2023, 12, 31)}, "calibration_end", "cannot end on 2023-12-31"),
        ({"calibration_end": date(2024, 3, 6)}, "calibration_end", "cannot end on 2024-03-06"),
        ({"calibration_end": date(2024, 3, 1), "holdout_days": 5}, "holdout_days", "5 days after 2024-03-01"),
        ({"holdout_days": 65}, "calibration_end", "cannot end on 2023-12-31"),
    ],
)
def test_days_that_the_data_do_not_cover_are_refused(
    tmp_path: Path, options: dict[str, object], field: str, said: str
) -> None:
    path = write_csv(tmp_path / "shop.csv", SHOP)
    with pytest.raises(InvalidInput, match=said) as refused:
        count(path, **options)
    assert "from 2024-01-01 to 2024-03-05" in refused.value.message
    assert refused.value.details[0]["field"] == field


def test_a_file_without_purchases_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotIdentified, match=r"no purchases by customers in empty\.csv"):
        count(write_csv(tmp_path / "empty.csv", []))


def test_a_customer_is_found_by_id(tmp_path: Path) -> None:
    found = count(write_csv(tmp_path / "shop.csv", SHOP))
    assert found.places_of(["D", "A"]) == [3, 0]
    with pytest.raises(NotFound, match="'X' had bought nothing by 2024-03-05"):
        found.places_of(["A", "X"])


BAD = {
    "no such column": (["A,2024-01-01,1"], {"customer": "custmer"}, "no column 'custmer'", "custmer"),
    "a date that is none": (
        ["A,2024-01-01,1", "B,2024-02-30,1"],
        {},
        "row 2 below the header: day '2024-02-30'",
        "day",
    ),
    "a date of another form": (["A,31/12/2024,1"], {}, "is not a date; 1 rows", "day"),
    "a missing date": (["A,,1"], {}, "row 1 below the header: day None is not a date", "day"),
    "an amount that is none": (["A,2024-01-01,1", "A,2024-01-02,£5"], {}, "amount '£5' is not a number", "amount"),
    "an infinite amount": (["A,2024-01-01,inf"], {}, "amount 'inf' is not a number", "amount"),
    "a missing amount": (["A,2024-01-01,"], {}, "amount None is not a number", "amount"),
}


@pytest.mark.parametrize(("lines", "columns", "said", "field"), BAD.values(), ids=BAD)
def test_a_file_that_cannot_be_used_is_refused_by_row_and_value(
    tmp_path: Path, lines: list[str], columns: dict[str, str], said: str, field: str
) -> None:
    path = write_csv(tmp_path / "bad.csv", lines)
    with pytest.raises(InvalidInput, match=said) as refused:  # noqa: SIM117
        with open_purchases(path, **({"customer": "customer", "date": "day", "amount": "amount"} | columns)):
            pass
    assert refused.value.details[0]["field"] == field
    assert refused.value.next_action


@pytest.mark.parametrize(
    "content", [b"", b"\x00\x01\x02", b"\xff\xfe\xfa,\xff\n", b"customer,day,amount\nA,2024-01-01\n"]
)
def test_what_is_no_csv_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.csv"
    path.write_bytes(content)
    with pytest.raises(Customer360Error):
        count(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"There is no file .*nowhere\.csv"):
        count(tmp_path / "nowhere.csv")


def test_dates_can_be_written_in_another_way(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "shop.csv", ["A,01/02/2024,1", "A,15/02/2024,1"])
    columns = {"customer": "customer", "date": "day", "amount": "amount"}
    with open_purchases(path, date_format="%d/%m/%Y", **columns) as purchases:
        assert summarise(purchases).calibration_end == date(2024, 2, 15)
    with pytest.raises(InvalidInput, match="date like %Y"), open_purchases(path, date_format="%Y", **columns):
        pass


@pytest.mark.parametrize("name", ['day"; drop table typed; --', "a day", "select", "Größe"])
def test_columns_may_be_called_anything(tmp_path: Path, name: str) -> None:
    quoted = '"' + name.replace('"', '""') + '"'
    (tmp_path / "odd.csv").write_text(f"customer,{quoted},amount\nA,2024-01-01,1\n", encoding="utf-8")
    with open_purchases(tmp_path / "odd.csv", customer="customer", date=name, amount="amount") as purchases:
        assert len(summarise(purchases)) == 1
