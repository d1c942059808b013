"""Holdings agree with the card history, the catalogue and the segments; nothing else about a customer moves them."""

from __future__ import annotations

import json
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from customer360.synth import BankSpec
from customer360.synth.changes import build_changes
from customer360.synth.holdings import HOLDING_SCHEMA, holdings_table
from customer360.synth.offers import OFFERS
from customer360.synth.population import build_population
from customer360.synth.products import CARD_PRODUCTS, CATALOGUE, PRODUCTS
from tests.synth.test_bank_rows import none_of, one

pytestmark = pytest.mark.integration
Bank = duckdb.DuckDBPyConnection

CARDS_BY_CHANGE_FEED = """
    with held as (
        select customer_id, account_open_date as day, card_type from customers
        union all
        select customer_id, effective_at::date, new_value from customer_changes where attribute = 'card_type'
    )
    select
        customer_id,
        'CARD-' || upper(card_type) as product_id,
        day as start_date,
        lead(day) over (partition by customer_id order by day) - 1 as end_date
    from held
"""
CARDS_HELD = (
    "select customer_id, product_id, start_date, end_date from customer_products where product_id like 'CARD-%'"
)


@pytest.mark.contract("X.32")
def test_cards_held_are_those_that_the_change_feed_tells(bank: Bank) -> None:
    assert none_of(bank, f"({CARDS_BY_CHANGE_FEED}) except all ({CARDS_HELD})")
    assert none_of(bank, f"({CARDS_HELD}) except all ({CARDS_BY_CHANGE_FEED})")
    changed = one(
        bank, "select count(*) from customer_products where product_id like 'CARD-%' and end_date is not null"
    )
    assert changed == one(bank, "select count(*) from customer_changes where attribute = 'card_type'")
    assert changed > (200,)


@pytest.mark.contract("X.32")
def test_everybody_holds_one_card_on_every_day_since_opening(bank: Bank) -> None:
    assert none_of(
        bank,
        """
        select customer_id from customers
        left join (from customer_products where product_id like 'CARD-%') using (customer_id)
        group by customer_id, account_open_date
        having count(*) filter (end_date is null) <> 1 or min(start_date) <> account_open_date
            or sum(coalesce(end_date, date '2025-10-31') - start_date + 1) <> date '2025-10-31' - account_open_date + 1
        """,
    )


@pytest.mark.contract("X.32")
def test_purchases_are_paid_with_the_card_held_that_day(bank: Bank) -> None:
    """On the day of a change the new card is the one that is held, and until that moment the old one pays."""
    wrong = """
        select t.* from transactions as t
        join customer_products as h on t.customer_id = h.customer_id and h.product_id like 'CARD-%'
            and t.transaction_date between h.start_date and coalesce(h.end_date, date '9999-12-31')
        left join customer_changes as c on t.customer_id = c.customer_id and c.attribute = 'card_type'
        where t.product_id <> h.product_id and (c.effective_at is null or t.transaction_date <> c.effective_at::date
            or t.transaction_at >= c.effective_at)
    """
    assert none_of(bank, wrong)


def test_other_products_are_taken_once_and_within_the_life_of_the_account(bank: Bank) -> None:
    assert none_of(
        bank,
        """
        select * from customer_products join customers using (customer_id)
        where product_id not like 'CARD-%' and start_date <= account_open_date
            or start_date >= date '2025-10-31' or end_date < start_date or end_date >= date '2025-10-31'
        """,
    )
    assert none_of(bank, "select 1 from customer_products group by customer_id, product_id having count(*) > 1")
    assert none_of(bank, "select * from customer_products anti join customers using (customer_id)")
    assert none_of(bank, "select * from customer_products where columns(* exclude (end_date, balance)) is null")


@pytest.mark.contract("X.32")
def test_nobody_takes_a_product_that_is_not_on_offer(bank: Bank) -> None:
    assert none_of(
        bank,
        """
        select * from customer_products as h join products as p using (product_id)
        where h.start_date < p.launch_date or h.start_date > p.end_date
        """,
    )
    retired = bank.sql(
        """
        select p.product_id, count(*) filter (h.end_date is null), count(*)
        from products as p join customer_products as h using (product_id) where p.end_date is not null group by all
        """
    ).fetchall()
    assert len(retired) == 2
    assert all(0.3 < held / ever < 0.8 for _, held, ever in retired)
    assert one(bank, "select count(distinct product_id) from customer_products") == (len(CATALOGUE),)


def test_a_balance_is_what_is_owed_or_insured_while_the_product_is_held(bank: Bank) -> None:
    assert none_of(
        bank,
        """
        select * from customer_products
        where (balance is not null) <> (end_date is null and (product_id like 'LOAN-%' or product_id = 'INS-TERM-LIFE'))
            or balance <= 0
        """,
    )
    owed = {
        product: (least, most)
        for product, least, most in bank.sql(
            "select product_id, min(balance), max(balance) from customer_products where balance > 0 group by all"
        ).fetchall()
    }
    for offer in OFFERS:
        if offer.amount:
            assert 0 < owed[offer.product_id][0] < owed[offer.product_id][1] <= offer.amount[1]
    assert none_of(bank, "select * from customer_products where product_id = 'INS-TERM-LIFE' and balance % 25000 <> 0")


def test_what_is_owed_on_a_loan_falls_as_it_grows_older(bank: Bank) -> None:
    young, old = one(
        bank,
        """
        select
            avg(balance) filter (start_date > date '2025-04-30'),
            avg(balance) filter (start_date < date '2023-10-31')
        from customer_products where product_id = 'LOAN-PERSONAL'
        """,
    )
    assert isinstance(young, float)
    assert isinstance(old, float)
    assert old < 0.65 * young


def test_some_holdings_have_ended(bank: Bank) -> None:
    (share,) = one(
        bank, "select avg((end_date is not null)::int) from customer_products where product_id not like 'C%'"
    )
    assert isinstance(share, float)
    assert 0.10 < share < 0.25


@pytest.fixture(scope="module")
def portfolio(bank: Bank) -> dict[str, dict[tuple[str, str], float]]:
    """The share of customers that hold a product now, by product, then by segment and card type now."""
    rows = bank.sql(
        """
        with now as (
            select c.customer_id, c.customer_segment as segment, right(h.product_id, -5) as card,
                count(*) over (partition by segment, card) as customers
            from customers as c join customer_products as h using (customer_id)
            where h.product_id like 'CARD-%' and h.end_date is null
        )
        select product_id, segment, card, count(*) / any_value(customers)
        from now join customer_products as h using (customer_id) where h.end_date is null group by all
        """
    ).fetchall()
    shares: dict[str, dict[tuple[str, str], float]] = {}
    for product, segment, card, share in rows:
        shares.setdefault(product, {})[segment, card] = share
    return shares


@pytest.mark.contract("X.32")
def test_lounge_is_for_premium_cards_and_taken_by_travelers(
    bank: Bank, portfolio: dict[str, dict[tuple[str, str], float]]
) -> None:
    lounge = portfolio["ADD-LOUNGE"]
    assert {card for _, card in lounge} == {"PREMIUM"}
    assert lounge["High-Value Travelers", "PREMIUM"] == pytest.approx(0.66, abs=0.07)
    assert lounge["High-Value Travelers", "PREMIUM"] > 2.5 * lounge["Stable Mid-Spenders", "PREMIUM"]
    without_card = """
        select * from customer_products as a
        where product_id = 'ADD-LOUNGE' and not exists (
            select 1 from customer_products as c
            where c.customer_id = a.customer_id and c.product_id = 'CARD-PREMIUM' and a.start_date >= c.start_date
                and coalesce(a.end_date, date '9999-12-31') <= coalesce(c.end_date, date '9999-12-31')
        )
    """
    assert none_of(bank, without_card)


@pytest.mark.contract("X.32")
def test_travel_insurance_follows_segment_and_card(portfolio: dict[str, dict[tuple[str, str], float]]) -> None:
    trips = portfolio["ADD-TRAVEL-INSURANCE"]
    assert trips["High-Value Travelers", "PREMIUM"] == pytest.approx(0.58, abs=0.07)
    assert trips["High-Value Travelers", "PREMIUM"] > 1.6 * trips["High-Value Travelers", "STANDARD"]
    assert trips["High-Value Travelers", "STANDARD"] > 4 * trips["Stable Mid-Spenders", "STANDARD"]
    assert trips["Stable Mid-Spenders", "PREMIUM"] > 2 * trips["Stable Mid-Spenders", "STANDARD"]
    assert trips.get(("Budget-Conscious", "STANDARD"), 0.0) < 0.03


@pytest.mark.contract("X.32")
def test_loans_follow_segment_and_age(bank: Bank, portfolio: dict[str, dict[tuple[str, str], float]]) -> None:
    personal = portfolio["LOAN-PERSONAL"]
    assert personal["Declining", "STANDARD"] > 2 * personal["High-Value Travelers", "PREMIUM"]
    ages = {offer.product_id: offer.ages for offer in OFFERS}
    for product, youngest, oldest in bank.sql(
        "select product_id, min(age), max(age) from customer_products join customers using (customer_id) group by all"
    ).fetchall():
        low, high = ages.get(product, (18, 99))
        assert low <= youngest <= oldest <= high


def test_relationships_have_their_kinds(bank: Bank) -> None:
    kinds = {
        product: set(found)
        for product, found in bank.sql(
            "select product_id, list(distinct relationship_type) from customer_products group by all"
        ).fetchall()
    }
    assert {product for product, found in kinds.items() if "joint" in found} == {
        "LOAN-PERSONAL",
        "LOAN-AUTO",
        "LOAN-HOME-EQUITY",
        "INS-TERM-LIFE",
    }
    assert kinds["ADD-AUTHORISED-USER"] == {"owner", "authorised_user"}
    assert all(kinds[card] == {"owner"} for card in CARD_PRODUCTS)
    oldest = one(
        bank,
        """
        select max(age) from customer_products join customers using (customer_id)
        where relationship_type = 'authorised_user'
        """,
    )
    assert oldest == (26,)


def test_most_who_stop_buying_cancel_what_they_pay_for_monthly(bank: Bank) -> None:
    """Found in the files: who has not bought for half a year, against who still does."""
    ended = dict(
        bank.sql(
            """
            select last_day < date '2025-05-01', avg((end_date is not null)::int)
            from (select customer_id, max(transaction_date) as last_day from transactions group by all)
            join customer_products using (customer_id)
            where product_id like 'ADD-%' group by all
            """
        ).fetchall()
    )
    assert ended[True] > 0.6
    assert ended[False] < 0.25


@pytest.mark.contract("E.05")
def test_catalogue_is_complete_and_its_attributes_are_json(bank: Bank) -> None:
    rows = bank.sql("select product_id, category, attributes, launch_date, end_date from products").fetchall()
    assert [row[0] for row in rows] == list(PRODUCTS)
    assert {row[1] for row in rows} == {"Cards", "Add-ons", "Loans", "Insurance"}
    attributes = {row[0]: json.loads(row[2]) for row in rows}
    assert attributes["CARD-PREMIUM"]["annual_fee"] > attributes["CARD-STANDARD"]["annual_fee"] == 0
    assert all("apr" in attributes[row[0]] for row in rows if row[1] in ("Cards", "Loans"))
    assert all(launch.day == 1 for *_, launch, _ in rows)
    assert {row[0]: row[4] for row in rows if row[4]} == {
        "ADD-ROADSIDE": date(2025, 1, 31),
        "INS-CARD-LOSS": date(2024, 1, 31),
    }


def test_every_offer_is_of_a_product_that_is_not_a_card() -> None:
    assert [offer.product_id for offer in OFFERS] == [
        product.product_id for product in CATALOGUE if product.product_id not in CARD_PRODUCTS
    ]
    assert all(0 <= chance <= 1 for offer in OFFERS for chance in (*offer.standard, *offer.premium))
    assert all(offer.amount for offer in OFFERS if offer.months)


specs = st.builds(
    BankSpec,
    customers=st.integers(1, 120),
    transactions=st.just(1),
    months=st.integers(1, 36),
    as_of=st.dates(date(1990, 1, 1), date(2100, 12, 31)),
    seed=st.integers(0, 2**63 - 1),
)


@settings(max_examples=60, deadline=None)
@given(specs)
def test_in_any_bank_cards_have_no_gap_and_no_overlap_and_nothing_lies_outside_the_account(spec: BankSpec) -> None:
    population = build_population(spec)
    cards = build_changes(spec, population).cards
    table = holdings_table(spec, population, cards)
    assert table.schema == HOLDING_SCHEMA
    by_customer: dict[str, list[dict[str, Any]]] = {}
    for row in table.to_pylist():
        by_customer.setdefault(row["customer_id"], []).append(row)
    assert list(by_customer) == [f"CUST{number:08d}" for number in range(1, spec.customers + 1)]
    for position, rows in enumerate(by_customer.values()):
        opened = date(1970, 1, 1) + timedelta(days=int(population.opened[position]))
        held = [row for row in rows if row["product_id"] in CARD_PRODUCTS]
        assert held[0]["start_date"] == opened
        assert all(before["end_date"] + timedelta(days=1) == after["start_date"] for before, after in pairwise(held))
        assert all(row["end_date"] is None or row["start_date"] <= row["end_date"] < spec.as_of for row in rows)
        assert held[-1]["end_date"] is None
        assert held[0]["product_id"] == CARD_PRODUCTS[int(cards.was_premium[position])]
        assert held[-1]["product_id"] == CARD_PRODUCTS[int(cards.is_premium[position])]
        assert all(opened < row["start_date"] < spec.as_of for row in rows if row["product_id"] not in CARD_PRODUCTS)
        for product, start in ((PRODUCTS[row["product_id"]], row["start_date"]) for row in rows):
            assert product.launch_date(spec.as_of) <= start <= (product.end_date(spec.as_of) or spec.as_of)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**63 - 1), st.integers(1, 60), st.integers(61, 400))
def test_holdings_depend_on_the_customers_number_alone(seed: int, few: int, many: int) -> None:
    tables = []
    for spec in (BankSpec(few, few, seed=seed), BankSpec(many, many * 50, seed=seed)):
        population = build_population(spec)
        tables.append(holdings_table(spec, population, build_changes(spec, population).cards))
    assert tables[1].slice(0, tables[0].num_rows).equals(tables[0])
