-- What the profiles add up to is what the facts of known customers add up to.
with profile as (
    select
        {{ money('coalesce(sum(lifetime_value), 0)') }} as amount,
        coalesce(sum(total_transactions), 0) as transactions,
        coalesce(sum(declined_transactions), 0) as declines
    from {{ ref('customer_360_profile') }}
),

facts as (
    select
        {{ money('coalesce(sum(transaction_amount), 0)') }} as amount,
        count(*) as transactions,
        count(*) - count(transaction_amount) as declines
    from {{ ref('fct_transactions') }}
    where customer_id is not null
),

months as (
    select
        {{ money('coalesce(sum(spend), 0)') }} as amount,
        coalesce(sum(transactions), 0) as transactions
    from {{ ref('monthly_customer_spending') }}
)

select
    profile.amount as profile_amount,
    facts.amount as fact_amount,
    months.amount as month_amount,
    profile.transactions as profile_transactions,
    facts.transactions as fact_transactions,
    months.transactions as month_transactions
from profile
cross join facts
cross join months
where
    profile.amount <> facts.amount
    or profile.transactions <> facts.transactions
    or profile.declines <> facts.declines
    or months.amount <> facts.amount
    or months.transactions <> facts.transactions
