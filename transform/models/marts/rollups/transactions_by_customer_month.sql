with transactions as (
    select * from {{ ref('fct_transactions') }}
),

final as (
    select
        cast(date_trunc('month', transaction_date) as date) as transaction_month,
        customer_id,
        channel,
        status,
        transaction_type,
        {{ transaction_measures() }}
    from transactions
    group by
        cast(date_trunc('month', transaction_date) as date),
        customer_id,
        channel,
        status,
        transaction_type
)

select * from final
order by customer_id, transaction_month
