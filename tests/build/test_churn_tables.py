"""The churn tables of a small bank, held against plain SQL over its facts and files, one cutoff at a time.

The models read the facts once, as months of 30 days that all cutoffs share. Here each window is counted in days back
from its cutoff, each attribute is looked up in the files of the bank, and each rule is written out once more.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from customer360.churn.features import BARRED, FEATURES
from customer360.warehouse import open_builds
from customer360.workspace import Workspace

pytestmark = pytest.mark.integration

AS_OF = date(2025, 10, 31)
CUTOFFS = {AS_OF - timedelta(60 * number): split for number, split in enumerate(("score", "holdout", "train", "train"))}
LEAST_FEATURES = 35

FACTS = """
select
    customer_id, transaction_date as day, $cutoff::date - transaction_date as days_ago, status, transaction_type,
    coalesce(transaction_amount, 0)::double as amount, is_travel, is_necessity
from gold.fct_transactions left join gold.dim_merchant_category on merchant_category_key = category_key
"""
FEATURES_THEN = f"""
with facts as ({FACTS}),
before as (from facts where days_ago >= 0),
people as (
    select *, account_open_date as opened, account_open_date <= $cutoff as is_open
    from read_parquet($folder || '/customers.parquet')
),
changed as (
    select customer_id, attribute, arg_max(new_value, effective_at) as value
    from read_parquet($folder || '/customer_changes.parquet')
    where effective_at::date <= $cutoff group by all
),
held as (
    select customer_id, count(*) as products from read_parquet($folder || '/customer_products.parquet')
    where $cutoff between start_date and coalesce(end_date, $cutoff) group by all
),
monthly as (
    select customer_id, month, (
        select coalesce(sum(amount), 0) from before
        where before.customer_id = people.customer_id and days_ago between 30 * month - 30 and 30 * month - 1
    ) as spend
    from people cross join range(1, 13) as months(month)
),
shapes as (
    select
        customer_id, regr_slope(-spend, month) / nullif(avg(spend), 0) * 100 as trend,
        stddev_pop(spend) / nullif(abs(avg(spend)), 0) * 100 as volatility
    from monthly where month <= 6 group by all
),
done as (
    select
        customer_id, count(*) as n, min(day) as first_day, max(day) as last_day, count(distinct day) as days,
        count(*) filter (days_ago < 30) as n_30, count(*) filter (days_ago < 90) as n_90,
        count(*) filter (days_ago between 90 and 179) as n_prior,
        count(distinct day) filter (days_ago < 90) as days_90,
        count(*) filter (status = 'declined') as declined,
        count(*) filter (status = 'declined' and days_ago < 90) as declined_90,
        count(*) filter (transaction_type = 'return' and days_ago < 90) as returned_90,
        sum(amount) as spent, coalesce(sum(amount) filter (days_ago < 90), 0) as s_90,
        coalesce(sum(amount) filter (days_ago between 90 and 179), 0) as s_prior,
        sum(amount) filter (is_travel) as travel,
        coalesce(sum(amount) filter (is_necessity and days_ago < 90), 0) as necessities_90
    from before group by all
),
everybody as (select sum(s_90) / sum(s_prior) as ratio from done),
usual as (
    select
        customer_id, least(12, ($cutoff::date - first_day) // 30 + 1) as known,
        (select avg(spend) from monthly
            where monthly.customer_id = done.customer_id
            and case when known > 2 then month between 3 and known else month <= known end) as a_month
    from done
)
select
    people.customer_id,
    case
        when n is null and opened > $cutoff then 'Not a customer yet'
        when coalesce(n, 0) < 5 then 'Fewer than 5 transactions'
        when $cutoff - last_day >= 60 then 'Inactive for 60 days or more'
        else 'Eligible'
    end as eligibility,
    case when is_open then age end as age,
    case when is_open then coalesce(card.value, card_type) end as card_type,
    case when is_open then coalesce(credit.value::double, credit_limit) end as credit_limit,
    case when is_open then coalesce(moved.value, state) end as state,
    case when is_open then coalesce(job.value, employment_status) end as employment_status,
    coalesce(products, 0) as product_count,
    case when is_open then datesub('month', opened, $cutoff::date) end as account_tenure_months,
    $cutoff - last_day as days_since_last_transaction,
    ($cutoff - last_day) / nullif((last_day - first_day) / nullif(days - 1, 0), 0) as recency_to_usual_gap,
    coalesce(n, 0) as transaction_count,
    coalesce(n_30, 0) as transactions_last_30_days,
    coalesce(n_90, 0) as transactions_last_90_days,
    coalesce(n_prior, 0) as transactions_prior_90_days,
    coalesce(days_90, 0) as active_days_last_90_days,
    100 * declined / n as declined_pct,
    100 * declined_90 / nullif(n_90, 0) as declined_last_90_days_pct,
    100 * returned_90 / nullif(n_90, 0) as returned_last_90_days_pct,
    coalesce(spent, 0) as lifetime_value,
    round(spent / nullif(n - declined, 0), 4) as avg_transaction_value,
    round(a_month, 4) as baseline_monthly_spend,
    coalesce(s_90, 0) as spend_last_90_days,
    coalesce(s_prior, 0) as spend_prior_90_days,
    case when s_prior > 0 then 100 * (s_90 / s_prior - 1) end as spend_change_pct,
    case when s_prior > 0 then 100 * (s_90 / s_prior / ratio - 1) end as seasonally_adjusted_spend_change_pct,
    one.spend as spend_month_1,
    two.spend as spend_month_2,
    six.spend as spend_month_6,
    100 * (one.spend + two.spend) / nullif(2 * round(a_month, 4), 0) as spend_to_baseline_pct,
    trend as spend_trend_pct_per_month,
    volatility as spend_volatility_pct,
    case when spent <> 0 then 100 * coalesce(travel, 0) / spent end as travel_spend_pct,
    100 * necessities_90 / nullif(s_90, 0) as necessities_last_90_days_pct,
    case when is_open then 100 * one.spend / nullif(coalesce(credit.value::double, people.credit_limit), 0) end
        as credit_utilization_pct
from people
cross join everybody
left join done using (customer_id)
left join usual using (customer_id)
left join held using (customer_id)
left join shapes using (customer_id)
left join changed as card on card.customer_id = people.customer_id and card.attribute = 'card_type'
left join changed as credit on credit.customer_id = people.customer_id and credit.attribute = 'credit_limit'
left join changed as moved on moved.customer_id = people.customer_id and moved.attribute = 'state'
left join changed as job on job.customer_id = people.customer_id and job.attribute = 'employment_status'
left join monthly as one on one.customer_id = people.customer_id and one.month = 1
left join monthly as two on two.customer_id = people.customer_id and two.month = 2
left join monthly as six on six.customer_id = people.customer_id and six.month = 6
order by people.customer_id
"""
LABELS_THEN = f"""
with facts as ({FACTS}),
seen as (from facts where days_ago >= -60),
recent as (select customer_id, sum(amount) / 2 as a_month from seen where days_ago < 0 group by all),
known as (
    select customer_id, min(day) as first_day, least(360, 30 * (max(days_ago) // 30 + 1)) as days
    from seen where days_ago >= 0 group by all
),
usual as (
    select
        customer_id,
        coalesce(sum(amount) filter (days_ago < days and (days <= 60 or days_ago >= 60)), 0) as spend,
        case when any_value(days) > 60 then any_value(days) - 60 else any_value(days) end / 30 as months
    from seen inner join known using (customer_id) where days_ago >= 0 group by all
),
last_seen as (select customer_id, $cutoff::date + 60 - max(day) as days_away from seen group by all)
select
    customer_id,
    case
        when months is null then null
        when days_away >= 60 then 'No transaction'
        when spend > 0 and coalesce(recent.a_month, 0)::decimal(38, 8) < (0.3 * spend / months)::decimal(38, 8)
            then 'Spend fell'
    end as churn_reason,
    case when months is not null then churn_reason is not null end as churned,
    round(spend / months, 4) as baseline_spend,
    round(coalesce(recent.a_month, 0), 4) as recent_spend,
    days_away as days_inactive
from gold.customer_360_profile as everybody
left join last_seen using (customer_id)
left join usual using (customer_id)
left join recent using (customer_id)
order by customer_id
"""


@pytest.fixture(scope="module")
def bank(small_bank_home: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The published build of the small bank."""
    builds = open_builds(Workspace(small_bank_home))
    file = builds.folder(builds.current_id()) / "warehouse.duckdb"
    with duckdb.connect() as connection:  # attached, because a service of this process may have it open
        connection.execute(f"attach '{file}' as build (read_only)")
        connection.execute("use build")
        yield connection


@pytest.fixture(scope="module")
def files(small_bank_home: Path) -> str:
    """The folder of the files that the small bank was made of."""
    return str(small_bank_home.parent / "small_bank_files")


def rows_of(connection: duckdb.DuckDBPyConnection, sql: str, **values: Any) -> list[dict[str, Any]]:
    """Return the rows of a statement by column."""
    result = connection.execute(sql, values or None)
    names = [column[0] for column in result.description or ()]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def find_differences(found: list[dict[str, Any]], expected: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """Return customer, column and both values wherever they are not the same."""
    assert len(found) == len(expected)
    return [
        (wanted["customer_id"], name, row[name], value)
        for row, wanted in zip(found, expected, strict=True)
        for name, value in wanted.items()
        if not is_same(row[name], value)
    ]


def is_same(value: Any, other: Any) -> bool:
    if value is None or other is None or isinstance(value, str | bool):
        return bool(value == other)
    return math.isclose(value, other, rel_tol=1e-9, abs_tol=2e-4)


def test_the_cutoffs_lie_60_days_apart(bank: duckdb.DuckDBPyConnection) -> None:
    found = bank.execute("select cutoff_date, split from silver.int_churn_cutoffs").fetchall()
    assert dict(found) == CUTOFFS


@pytest.mark.contract("S3.82")
@pytest.mark.contract("X.9")
@pytest.mark.parametrize("cutoff", CUTOFFS, ids=str)
def test_features_are_what_was_known_on_the_day(bank: duckdb.DuckDBPyConnection, files: str, cutoff: date) -> None:
    sql = "from gold.churn_features where cutoff_date = $cutoff order by customer_id"
    found = rows_of(bank, sql, cutoff=cutoff)
    expected = rows_of(bank, FEATURES_THEN, cutoff=cutoff, folder=files)
    assert {row["split"] for row in found} == {CUTOFFS[cutoff]}
    assert find_differences(found, expected) == []


@pytest.mark.contract("S3.76")
@pytest.mark.contract("S3.81")
@pytest.mark.contract("X.34")
@pytest.mark.parametrize("cutoff", [day for day, split in CUTOFFS.items() if split != "score"], ids=str)
def test_labels_are_what_became_of_the_customers(bank: duckdb.DuckDBPyConnection, cutoff: date) -> None:
    sql = "from gold.churn_labels where cutoff_date = $cutoff order by customer_id"
    expected = rows_of(bank, LABELS_THEN, cutoff=cutoff)
    assert find_differences(rows_of(bank, sql, cutoff=cutoff), expected) == []
    assert {"No transaction", "Spend fell", None} == {row["churn_reason"] for row in expected}


def test_the_features_of_today_are_those_of_the_profile(bank: duckdb.DuckDBPyConnection) -> None:
    [(customers, different)] = bank.execute("""
        select count(*), count(*) filter (
            f.customer_segment <> p.customer_segment or f.recency_status <> p.recency_status
            or f.lifetime_value <> p.lifetime_value::double or f.spend_last_90_days <> p.spend_last_90_days::double
            or f.transaction_count <> p.total_transactions or f.card_type is distinct from p.card_type
            or f.spend_change_pct is distinct from p.spend_change_pct or f.product_count <> p.product_count
            or f.travel_spend_pct is distinct from p.travel_spend_pct
            or f.credit_utilization_pct is distinct from p.credit_utilization_pct
            or f.account_tenure_months <> p.tenure_months
        )
        from gold.churn_features as f inner join gold.customer_360_profile as p using (customer_id)
        where split = 'score'
    """).fetchall()
    assert (customers, different) == (400, 0)


@pytest.mark.contract("S3.80")
def test_models_learn_from_the_listed_features_alone(bank: duckdb.DuckDBPyConnection) -> None:
    columns = [name for (name, *_) in bank.execute("describe gold.ml_training_data").fetchall()]
    assert columns == [
        *("customer_id", "cutoff_date", "split", "customer_segment"),
        *(feature.name for feature in FEATURES),
        "churned",
    ]
    assert len(FEATURES) >= LEAST_FEATURES
    assert (BARRED.keys() - {"churned"}).isdisjoint(columns)


@pytest.mark.contract("S3.79")
@pytest.mark.contract("X.10")
def test_every_customer_has_a_label_per_past_cutoff_and_most_are_learnt_from(bank: duckdb.DuckDBPyConnection) -> None:
    """50,000 labels and 40,000 to 45,000 rows to learn from, of which a few percent left (S3.79), are these shares."""
    labels = bank.execute("select count(*), count(distinct customer_id) from gold.churn_labels").fetchall()
    assert labels == [(1200, 400)]
    shares = bank.execute("select count(*) / 400 from gold.ml_training_data group by cutoff_date").fetchall()
    assert all(0.75 <= share <= 0.92 for (share,) in shares)
    [(rate,)] = bank.execute("select avg(churned::integer) from gold.ml_training_data").fetchall()
    assert 0.01 <= rate <= 0.06


def test_before_there_is_a_model_everybody_is_told_why_they_have_no_score(bank: duckdb.DuckDBPyConnection) -> None:
    found = bank.execute("""
        select churn_risk_category, churn_not_scored_reason, eligibility, count(churn_probability)
        from gold.customer_360_profile inner join gold.churn_features using (customer_id)
        where split = 'score' group by all order by all
    """).fetchall()
    assert found == [
        ("Not Scored", "Inactive for 60 days or more", "Inactive for 60 days or more", 0),
        ("Not Scored", "No model yet", "Eligible", 0),
    ]
