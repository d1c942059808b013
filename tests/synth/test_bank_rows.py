"""What holds for every row: ranges, keys, nulls, order in time, chains of changes."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import duckdb
import pytest

from customer360.synth.places import STATES

pytestmark = pytest.mark.integration
Bank = duckdb.DuckDBPyConnection


def one(bank: Bank, sql: str) -> tuple[object, ...]:
    rows: list[tuple[object, ...]] = bank.sql(sql).fetchall()
    return rows[0]


def none_of(bank: Bank, sql: str) -> bool:
    return not bank.sql(sql).limit(1).fetchall()


@pytest.mark.contract("S3.106")
def test_customer_columns_are_within_their_ranges(bank: Bank) -> None:
    assert none_of(
        bank,
        r"""
        select * from customers
        where not regexp_full_match(customer_id, 'CUST\d{8}') or age not between 22 and 75
            or credit_limit not between 5000 and 50000 or credit_limit % 1000 <> 0
            or card_type not in ('Standard', 'Premium')
            or employment_status not in ('Full-Time', 'Part-Time', 'Self-Employed', 'Retired', 'Unemployed')
            or account_open_date not between date '2025-10-31' - 1280 and date '2025-10-31' - 15
            or not regexp_full_match(email, '[a-z]+\.[a-z]+\d+@example\.(com|org|net)')
        """,
    )
    assert none_of(bank, "select * from customers where columns(* exclude (decline_type)) is null")


@pytest.mark.contract("S3.106")
def test_ids_and_emails_are_unique(bank: Bank) -> None:
    figures = one(bank, "select count(*), count(distinct customer_id), count(distinct email) from customers")
    assert figures == (5_000, 5_000, 5_000)


@pytest.mark.contract("S3.106")
def test_every_city_lies_in_its_state(bank: Bank) -> None:
    pairs = set(bank.sql("select distinct state, city from customers").fetchall())
    assert pairs <= {(state, city) for state, (_, cities) in STATES.items() for city in cities}
    assert len({state for state, _ in pairs}) == 50


@pytest.mark.contract("S3.106")
def test_only_declining_customers_have_a_decline_type(bank: Bank) -> None:
    assert none_of(bank, "select * from customers where (customer_segment = 'Declining') <> (decline_type is not null)")
    assert {row[0] for row in bank.sql("select distinct decline_type from customers").fetchall()} == {
        None,
        "job_loss",
        "relocation",
        "lifestyle",
    }


@pytest.mark.contract("S3.112")
def test_transaction_ids_are_unique(bank: Bank) -> None:
    rows, distinct = one(bank, "select count(*), count(distinct transaction_id) from transactions")
    assert rows == distinct
    assert none_of(bank, r"select * from transactions where not regexp_full_match(transaction_id, 'TXN\d{10}')")


@pytest.mark.contract("S3.112")
def test_transactions_are_complete_and_within_their_ranges(bank: Bank) -> None:
    assert none_of(bank, "select * from transactions where columns(*) is null")
    assert none_of(
        bank,
        """
        select * from transactions
        where transaction_amount not between 5 and 500 or transaction_at::date <> transaction_date
            or channel not in ('Online', 'In-Store', 'Mobile') or status not in ('approved', 'declined')
        """,
    )
    bounds = one(bank, "select min(transaction_date), max(transaction_date) from transactions")
    assert bounds == (date(2024, 5, 1), date(2025, 10, 31))
    types = dict(zip(bank.table("transactions").columns, map(str, bank.table("transactions").types), strict=True))
    assert types["transaction_amount"] == "DECIMAL(9,2)"
    assert types["transaction_at"] == "TIMESTAMP"


@pytest.mark.contract("S3.113")
def test_nobody_buys_before_opening_the_account(bank: Bank) -> None:
    assert none_of(bank, "select * from purchases where transaction_date < account_open_date")


def test_every_transaction_refers_to_known_rows(bank: Bank) -> None:
    assert one(bank, "select (select count(*) from purchases) = (select count(*) from transactions)") == (True,)
    assert none_of(bank, "select * from transactions anti join products using (product_id)")


@pytest.mark.contract("S3.112")
def test_files_are_in_order_of_time(bank: Bank) -> None:
    assert none_of(
        bank,
        """
        select * from (select transaction_date, lag(transaction_date) over (order by rowid) as before from transactions)
        where transaction_date < before
        """,
    )


def test_fifty_codes_roll_up_to_twenty_categories(bank: Bank) -> None:
    assert one(bank, "select count(*), count(distinct category_id) from merchant_categories") == (50, 50)
    parents = bank.sql(
        """
        select parent_category, count(distinct (category_group, is_discretionary, is_travel, is_necessity)) as kinds
        from merchant_categories group by all
        """
    ).fetchall()
    assert len(parents) == 20
    assert {kinds for _, kinds in parents} == {1}
    assert none_of(bank, "select * from merchant_categories where is_necessity <> (category_group = 'Necessities')")


@pytest.mark.contract("X.18")
def test_each_category_has_merchants_of_its_own(bank: Bank) -> None:
    figures = one(
        bank,
        """
        select min(names), max(names), sum(names) from (
            select count(distinct merchant_name) as names from transactions group by merchant_category_id
        )
        """,
    )
    assert figures == (40, 40, 2000)


def test_change_feed_lies_between_opening_and_the_as_of_date(bank: Bank) -> None:
    assert none_of(
        bank,
        """
        select * from customer_changes join customers using (customer_id)
        where effective_at::date <= account_open_date or effective_at >= timestamp '2025-10-31'
            or old_value is null or new_value is null or old_value = new_value
            or attribute not in ('card_type', 'credit_limit', 'city', 'state', 'employment_status')
        """,
    )
    rows, ids = one(bank, "select count(*), count(distinct change_id) from customer_changes")
    assert rows == ids


def test_changes_chain_from_the_value_at_opening(bank: Bank) -> None:
    broken = """
        with opening as (
            unpivot (
                select customer_id, card_type, credit_limit::int::varchar as credit_limit, city, state,
                    employment_status
                from customers
            ) on card_type, credit_limit, city, state, employment_status into name attribute value value_at_opening
        ), chained as (
            select *, coalesce(
                lag(new_value) over (partition by customer_id, attribute order by effective_at), value_at_opening
            ) as value_before
            from customer_changes join opening using (customer_id, attribute)
        )
        select * from chained where old_value <> value_before
    """
    assert none_of(bank, broken)
    counted = one(bank, "select max(n) from (select count(*) n from customer_changes group by customer_id, attribute)")
    assert counted == (3,)


def test_no_two_changes_of_an_attribute_at_one_moment(bank: Bank) -> None:
    assert none_of(
        bank,
        """
        select customer_id, attribute, effective_at from customer_changes group by all having count(*) > 1
        """,
    )


def test_values_after_a_change_are_legal(bank: Bank) -> None:
    limits = bank.sql(
        "select new_value::int from customer_changes where attribute = 'credit_limit' group by all"
    ).fetchall()
    assert all(5_000 <= limit <= 50_000 and limit % 1_000 == 0 for (limit,) in limits)
    moves = bank.sql(
        """
        select s.new_value, c.new_value from customer_changes as s
        join customer_changes as c using (customer_id, effective_at)
        where s.attribute = 'state' and c.attribute = 'city'
        """
    ).fetchall()
    assert moves
    assert all(city in STATES[state][1] for state, city in moves)


def test_a_clear_share_of_customers_has_two_versions_of_card_or_limit(bank: Bank) -> None:
    (share,) = one(
        bank,
        """
        select count(distinct customer_id) / 5000 from customer_changes
        where attribute in ('card_type', 'credit_limit')
        """,
    )
    assert isinstance(share, float)
    assert 0.15 <= share <= 0.25


def test_purchases_are_paid_with_the_card_held_at_that_moment(bank: Bank) -> None:
    """The card at a moment is the opening one with the latest earlier change, found without the generator's help."""
    wrong = """
        with held as (
            select customer_id, effective_at, new_value as card_type from customer_changes
            where attribute = 'card_type'
            union all
            select customer_id, account_open_date::timestamp, card_type from customers
        )
        select * from transactions as t
        asof join held as h on t.customer_id = h.customer_id and t.transaction_at >= h.effective_at
        where t.product_id <> 'CARD-' || upper(h.card_type)
    """
    assert none_of(bank, wrong)


def test_amounts_are_whole_cents_of_many_values(bank: Bank) -> None:
    smallest, largest, values = one(
        bank,
        "select min(transaction_amount), max(transaction_amount), count(distinct transaction_amount) from transactions",
    )
    assert (smallest, largest) == (Decimal("5.00"), Decimal("500.00"))
    assert isinstance(values, int)
    assert values > 40_000
