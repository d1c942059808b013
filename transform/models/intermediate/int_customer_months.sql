-- What each customer did in each month of 30 days, counted back from the as-of date. Every cutoff of the churn models
-- lies between two months, so what was known at one is the months before it, and the facts are read once for all.
with transactions as (
    select * from {{ ref('fct_transactions') }}
    where customer_id is not null and transaction_date <= {{ as_of_date() }}
),

categories as (
    select * from {{ ref('dim_merchant_category') }}
),

final as (
    select
        transactions.customer_id,
        cast(
            floor({{ days_between('transactions.transaction_date', as_of_date()) }} / {{ days_of_month() }}) as integer
        ) as months_back,
        min(transactions.transaction_date) as first_transaction_date,
        max(transactions.transaction_date) as last_transaction_date,
        count(*) as transactions,
        count(transactions.transaction_amount) as approved,
        count(case when transactions.status = 'declined' then 1 end) as declined,
        count(case when transactions.transaction_type = 'return' then 1 end) as returned,
        count(distinct transactions.transaction_date) as active_days,
        {{ money('coalesce(sum(transactions.transaction_amount), 0)') }} as spend,
        {{ money('coalesce(sum(case when categories.is_travel then transactions.transaction_amount end), 0)') }}
            as travel_spend,
        {{ money('coalesce(sum(case when categories.is_necessity then transactions.transaction_amount end), 0)') }}
            as necessities_spend
    from transactions
    left join categories on transactions.merchant_category_key = categories.category_key
    group by transactions.customer_id, months_back
)

select * from final
