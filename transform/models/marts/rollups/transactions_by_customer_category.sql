with transactions as (
    select * from {{ ref('fct_transactions') }}
),

final as (
    select
        merchant_category_key,
        customer_id,
        channel,
        status,
        transaction_type,
        {{ transaction_measures() }}
    from transactions
    group by merchant_category_key, customer_id, channel, status, transaction_type
)

select * from final
order by customer_id, merchant_category_key
