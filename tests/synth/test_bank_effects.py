"""What the bank shows as a whole: shares, levels and effects, each with direction and size."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from customer360.synth import BankFiles, BankSpec, generate_bank
from customer360.synth.draws import Ints
from customer360.synth.population import NEVER, build_population

pytestmark = pytest.mark.integration
Bank = duckdb.DuckDBPyConnection
OpenBank = Callable[[BankFiles], duckdb.DuckDBPyConnection]

QUARTER = """
    select
        c.customer_id,
        c.customer_segment as segment,
        date '2025-10-31' - c.account_open_date as account_days,
        coalesce(sum(amount) filter (day > date '2025-10-31' - 90), 0) as recent,
        coalesce(sum(amount) filter (day between date '2025-10-31' - 179 and date '2025-10-31' - 90), 0) as earlier,
        coalesce(sum(amount) filter (day > date '2025-10-31' - 90 and is_travel), 0) as travel,
        coalesce(sum(amount) filter (day > date '2025-10-31' - 90 and is_necessity), 0) as necessities,
        max(day) > date '2025-10-31' - 14 as is_active
    from customers as c
    left join (
        select customer_id, transaction_date as day, transaction_amount::double as amount, is_travel, is_necessity
        from purchases where status = 'approved'
    ) using (customer_id)
    group by all
"""


def by_segment(bank: Bank, sql: str) -> dict[str, Any]:
    return {str(row[0]): row[1] if len(row) == 2 else row[1:] for row in bank.sql(sql).fetchall()}


@pytest.fixture(scope="module")
def quarter(bank: Bank) -> Bank:
    bank.sql(QUARTER).create("quarter")
    return bank


@pytest.mark.contract("X.7")
def test_segments_have_their_shares(bank: Bank) -> None:
    shares = by_segment(bank, "select customer_segment, count(*) / 5000 from customers group by all")
    assert shares == pytest.approx(
        {
            "High-Value Travelers": 0.13,
            "Stable Mid-Spenders": 0.44,
            "Budget-Conscious": 0.24,
            "New & Growing": 0.12,
            "Declining": 0.07,
        },
        abs=0.005,
    )


@pytest.mark.contract("X.7")
def test_rules_of_the_contract_find_the_shares_of_the_contract(quarter: Bank) -> None:
    """Precedence Declining > New & Growing > High-Value > Budget > Stable, over the last 90 days."""
    found = by_segment(
        quarter,
        """
        select case
            when earlier > 0 and recent <= 0.7 * earlier then 'Declining'
            when account_days < 183 and (earlier = 0 or recent >= 1.5 * earlier) then 'New & Growing'
            when recent >= 15000 and travel >= 0.25 * recent then 'High-Value Travelers'
            when recent between 1 and 4500 and necessities >= 0.6 * recent then 'Budget-Conscious'
            else 'Stable Mid-Spenders' end as found, count(*) / 5000
        from quarter group by all
        """,
    )
    assert 0.10 <= found["High-Value Travelers"] <= 0.15
    assert 0.40 <= found["Stable Mid-Spenders"] <= 0.50
    assert 0.19 <= found["Budget-Conscious"] <= 0.25
    assert 0.10 <= found["New & Growing"] <= 0.15
    assert 0.05 <= found["Declining"] <= 0.10


@pytest.mark.contract("S3.107")
@pytest.mark.contract("S3.108")
@pytest.mark.contract("S3.109")
@pytest.mark.contract("S3.110")
def test_premium_cards_have_their_shares_now(bank: Bank) -> None:
    shares = by_segment(
        bank,
        """
        with latest as (
            select customer_id, arg_max(new_value, effective_at) as card_type from customer_changes
            where attribute = 'card_type' group by all
        )
        select customer_segment, avg((coalesce(l.card_type, c.card_type) = 'Premium')::int)
        from customers as c left join latest as l using (customer_id) group by all
        """,
    )
    assert shares == pytest.approx(
        {
            "High-Value Travelers": 0.70,
            "Stable Mid-Spenders": 0.40,
            "Budget-Conscious": 0.10,
            "New & Growing": 0.30,
            "Declining": 0.30,
        },
        abs=0.05,
    )


@pytest.mark.contract("X.6")
@pytest.mark.contract("S3.107")
@pytest.mark.contract("S3.108")
@pytest.mark.contract("S3.109")
@pytest.mark.contract("S3.110")
@pytest.mark.contract("S3.111")
def test_ages_and_account_ages_follow_the_segment(bank: Bank) -> None:
    ranges = by_segment(
        bank,
        """
        select customer_segment, min(age), max(age), min(date '2025-10-31' - account_open_date),
            max(date '2025-10-31' - account_open_date)
        from customers group by all
        """,
    )
    allowed = {
        "High-Value Travelers": (35, 60, 183, 1278),
        "Stable Mid-Spenders": (25, 55, 183, 1278),
        "Budget-Conscious": (22, 45, 183, 1278),
        "New & Growing": (22, 45, 15, 180),
        "Declining": (25, 75, 365, 1095),
    }
    for segment, (low, high, youngest, oldest) in allowed.items():
        found = ranges[segment]
        assert low <= found[0] <= found[1] <= high
        assert youngest <= found[2] <= found[3] <= oldest
        assert found[3] - found[2] > 0.9 * (oldest - youngest)


@pytest.mark.contract("S3.107")
@pytest.mark.contract("S3.108")
@pytest.mark.contract("S3.110")
def test_employment_follows_the_segment(bank: Bank) -> None:
    kinds = by_segment(bank, "select customer_segment, list(distinct employment_status) from customers group by all")
    full_time = by_segment(
        bank, "select customer_segment, avg((employment_status = 'Full-Time')::int) from customers group by all"
    )
    assert set(kinds["High-Value Travelers"]) == {"Full-Time", "Self-Employed"}
    assert len(kinds["Stable Mid-Spenders"]) == 5
    assert full_time["High-Value Travelers"] == pytest.approx(0.8, abs=0.05)
    assert full_time["New & Growing"] == pytest.approx(0.74, abs=0.05)
    young = bank.sql("select median(age) from customers where customer_segment = 'New & Growing'").fetchall()
    assert young[0][0] < 30


@pytest.mark.contract("S3.107")
def test_high_value_travelers_spend_5000_a_month_and_a_quarter_of_it_on_travel(quarter: Bank) -> None:
    reaches, travels, premium, youngest, oldest = quarter.sql(
        """
        select avg((recent >= 14000)::int), avg((travel >= 0.25 * recent)::int),
            avg((card_type = 'Premium')::int), min(age), max(age)
        from quarter join customers using (customer_id)
        where segment = 'High-Value Travelers' and is_active
        """
    ).fetchall()[0]
    assert reaches > 0.95
    assert travels > 0.95
    assert premium == pytest.approx(0.70, abs=0.05)
    assert (youngest, oldest) == (35, 60)


@pytest.mark.contract("S3.108")
def test_stable_mid_spenders_spend_1500_to_3000_a_month_on_everything(quarter: Bank) -> None:
    median, within, travel, necessities = quarter.sql(
        """
        select median(recent) / 3, avg((recent / 3 between 1350 and 3300)::int),
            sum(travel) / sum(recent), sum(necessities) / sum(recent)
        from quarter where segment = 'Stable Mid-Spenders' and is_active
        """
    ).fetchall()[0]
    assert 2_000 < median < 2_500
    assert within > 0.9
    assert travel < 0.12
    assert 0.35 < necessities < 0.50


@pytest.mark.contract("S3.109")
def test_budget_conscious_spend_under_1500_a_month_and_60_percent_on_necessities(quarter: Bank) -> None:
    below, needs, share = quarter.sql(
        """
        select avg((recent < 4500)::int), avg((necessities >= 0.6 * recent)::int), sum(necessities) / sum(recent)
        from quarter where segment = 'Budget-Conscious' and is_active
        """
    ).fetchall()[0]
    assert below > 0.97
    assert needs > 0.95
    assert 0.70 < share < 0.82


@pytest.mark.contract("S3.110")
def test_new_and_growing_spend_half_as_much_again_every_month(bank: Bank) -> None:
    latest, before, earlier = bank.sql(
        """
        select
            sum(transaction_amount) filter (transaction_date > date '2025-10-31' - 30),
            sum(transaction_amount) filter (transaction_date between date '2025-10-31' - 59 and date '2025-10-31' - 30),
            sum(transaction_amount) filter (transaction_date between date '2025-10-31' - 89 and date '2025-10-31' - 60)
        from purchases where segment = 'New & Growing' and account_open_date < date '2025-10-31' - 90
        """
    ).fetchall()[0]
    assert latest > before * 3 / 2
    assert before > earlier * 3 / 2


@pytest.mark.contract("S3.111")
def test_declining_customers_spend_at_least_30_percent_less(quarter: Bank) -> None:
    change, dropped, stable = quarter.sql(
        """
        select
            sum(recent) filter (segment = 'Declining') / sum(earlier) filter (segment = 'Declining') - 1,
            avg((recent <= 0.7 * earlier)::int) filter (segment = 'Declining'),
            sum(recent) filter (segment like 'Stable%') / sum(earlier) filter (segment like 'Stable%') - 1
        from quarter
        """
    ).fetchall()[0]
    assert change < -0.4
    assert dropped > 0.95
    assert abs(stable) < 0.08


@pytest.mark.contract("S3.111")
def test_declining_customers_spent_more_than_stable_ones_before(bank: Bank) -> None:
    spend = by_segment(
        bank,
        """
        select segment, (sum(transaction_amount) / count(distinct customer_id))::double from purchases
        where transaction_date between date '2025-01-01' and date '2025-03-31'
            and account_open_date < date '2024-11-01'
        group by all
        """,
    )
    assert spend["Declining"] > 1.3 * spend["Stable Mid-Spenders"]


@pytest.mark.contract("S3.111")
def test_each_reason_to_decline_leaves_its_trace_in_the_change_feed(bank: Bank) -> None:
    traces = by_segment(
        bank,
        """
        select decline_type, avg(lost::int), avg(moved::int) from (
            select c.decline_type,
                coalesce(bool_or(attribute = 'employment_status' and new_value in ('Unemployed', 'Part-Time')), false)
                    as lost,
                coalesce(bool_or(attribute = 'state'), false) as moved
            from customers as c left join customer_changes as h using (customer_id)
            where c.customer_segment = 'Declining' group by c.customer_id, c.decline_type
        ) group by all
        """,
    )
    assert traces["job_loss"][0] == 1
    assert traces["relocation"][1] == 1
    assert traces["lifestyle"][0] < 0.1
    assert traces["lifestyle"][1] < 0.15


@pytest.mark.contract("S3.112")
def test_channels_and_status_have_their_shares(bank: Bank) -> None:
    channels = by_segment(bank, "select channel, count(*) / sum(count(*)) over () from transactions group by all")
    statuses = by_segment(bank, "select status, count(*) / sum(count(*)) over () from transactions group by all")
    assert channels == pytest.approx({"Online": 0.4, "In-Store": 0.4, "Mobile": 0.2}, abs=0.01)
    assert statuses == pytest.approx({"approved": 0.98, "declined": 0.02}, abs=0.002)


@pytest.mark.contract("S3.113")
def test_november_and_december_are_the_busiest_months(bank: Bank) -> None:
    """Among customers who had their account all the time and still buy at the end, per day."""
    rate = by_segment(
        bank,
        """
        with whole as (
            select customer_id from purchases
            where account_open_date < date '2024-04-01' and segment <> 'Declining'
            group by all having max(transaction_date) > date '2025-10-15'
        )
        select strftime(transaction_date, '%Y-%m'), count(*) / count(distinct transaction_date)
        from transactions semi join whole using (customer_id) group by all
        """,
    )
    usual = np.mean([rate["2024-09"], rate["2024-10"], rate["2025-03"], rate["2025-04"]])
    assert rate["2024-11"] / usual == pytest.approx(1.15, abs=0.06)
    assert rate["2024-12"] / usual == pytest.approx(1.27, abs=0.06)
    assert rate["2025-02"] / usual < 0.97


@pytest.mark.contract("S3.113")
def test_high_value_customers_buy_larger_tickets(bank: Bank) -> None:
    ticket = by_segment(bank, "select segment, avg(transaction_amount) from purchases group by all")
    assert ticket["High-Value Travelers"] > 1.4 * ticket["Stable Mid-Spenders"]
    assert ticket["Stable Mid-Spenders"] > 1.5 * ticket["Budget-Conscious"]


@pytest.mark.contract("S3.113")
def test_travelers_fly_and_budget_customers_buy_groceries_and_fuel(bank: Bank) -> None:
    shares = by_segment(
        bank,
        """
        select segment,
            avg((category_name in ('Airlines', 'Hotels and Resorts'))::int),
            avg((parent_category in ('Grocery', 'Fuel'))::int)
        from purchases group by all
        """,
    )
    assert shares["High-Value Travelers"][0] > 3 * shares["Stable Mid-Spenders"][0]
    assert shares["Budget-Conscious"][1] > 1.4 * shares["Stable Mid-Spenders"][1]
    assert shares["Budget-Conscious"][0] < 0.02


@pytest.mark.contract("S3.113")
def test_declining_customers_are_refused_twice_as_often(bank: Bank) -> None:
    refused = by_segment(bank, "select segment, avg((status = 'declined')::int) from purchases group by all")
    assert refused["Declining"] > 2 * refused["Stable Mid-Spenders"]


def test_some_customers_leave_with_warning_and_some_without(bank: Bank, bank_spec: BankSpec) -> None:
    life = build_population(bank_spec).lifecycle
    leaves = life.leave < NEVER
    drifts = leaves & (life.onset < life.leave)
    assert 0.08 < leaves.mean() < 0.16
    assert 0.55 < drifts.sum() / leaves.sum() < 0.75
    assert last_month_against_before(bank, life.leave, drifts) < 0.6
    assert last_month_against_before(bank, life.leave, leaves & ~drifts) == pytest.approx(1.0, abs=0.1)


def last_month_against_before(bank: Bank, leave: Ints, chosen: Any) -> float:
    """Return purchases in the 30 days before leaving, against 30 days four months before."""
    numbers = np.flatnonzero(chosen)
    customer_ids = [f"CUST{number + 1:08d}" for number in numbers]
    last, before, after = bank.sql(
        """
        with leavers as (select unnest($customer_id) as customer_id, date '1970-01-01' + unnest($leave)::int as left_on)
        select
            count(*) filter (transaction_date >= left_on - 30),
            count(*) filter (transaction_date between left_on - 150 and left_on - 121),
            count(*) filter (transaction_date >= left_on)
        from purchases join leavers using (customer_id)
        where account_open_date < left_on - 240 and left_on > date '2024-10-01'
        """,
        params={"customer_id": customer_ids, "leave": leave[numbers].tolist()},
    ).fetchall()[0]
    assert after == 0
    return float(last / before)


@pytest.mark.contract("X.18")
def test_spend_keeps_its_level_at_the_density_of_the_full_scale(open_bank: OpenBank, tmp_path: Path) -> None:
    """At four times the transactions tickets are a quarter; monthly spend stays where the segment has it."""
    bank = open_bank(generate_bank(BankSpec(400, 480_000), tmp_path))
    (ticket,) = bank.sql("select avg(transaction_amount) from transactions").fetchall()[0]
    bank.sql(QUARTER).create("quarter")
    monthly = by_segment(bank, "select segment, median(recent) / 3 from quarter where is_active group by all")
    assert 26 < ticket < 40
    assert monthly["High-Value Travelers"] > 5_500
    assert 1_900 < monthly["Stable Mid-Spenders"] < 2_600
    assert 700 < monthly["Budget-Conscious"] < 1_100
