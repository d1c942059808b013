with transactions as (
    select * from {{ ref('fct_transactions') }}
),

final as (
    select
        merchant_category_key,
        merchant_name,
        cast(date_trunc('month', transaction_date) as date) as transaction_month,
        channel,
        status,
        transaction_type,
        {{ transaction_measures() }}
    from transactions
    group by
        merchant_category_key,
        merchant_name,
        cast(date_trunc('month', transaction_date) as date),
        channel,
        status,
        transaction_type
)

select * from final
order by merchant_name, transaction_month
