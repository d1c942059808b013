-- Of the last 90 days only: what a customer prefers now, not what it once did.
with transactions as (
    select * from {{ ref('fct_transactions') }}
    where
        customer_id is not null
        and transaction_date > {{ add_days(as_of_date(), 0 - 90) }}
),

categories as (
    select * from {{ ref('dim_merchant_category') }}
),

spent as (
    select
        transactions.customer_id,
        categories.category_name,
        {{ money('coalesce(sum(transactions.transaction_amount), 0)') }} as spend
    from transactions
    inner join categories on transactions.merchant_category_key = categories.category_key
    group by transactions.customer_id, categories.category_name
),

final as (
    select
        customer_id,
        category_name,
        spend,
        row_number() over (partition by customer_id order by spend desc, category_name asc) as place
    from spent
    where spend > 0
)

select * from final
