with transactions as (
    select * from {{ ref('fct_transactions') }}
),

summary as (
    select * from {{ ref('int_customer_transaction_summary') }}
),

days as (
    select
        transaction_date as metric_date,
        cast(count(*) as bigint) as transactions,
        cast(count(transaction_amount) as bigint) as approved_transactions,
        cast(count(*) - count(transaction_amount) as bigint) as declined_transactions,
        {{ money('coalesce(sum(transaction_amount), 0)') }} as spend,
        cast(count(distinct customer_id) as bigint) as active_customers
    from transactions
    group by transaction_date
),

firsts as (
    select
        first_transaction_date,
        cast(count(*) as bigint) as customers
    from summary
    group by first_transaction_date
),

final as (
    select
        days.*,
        coalesce(firsts.customers, 0) as first_time_customers
    from days
    left join firsts on days.metric_date = firsts.first_transaction_date
)

select * from final
order by metric_date
