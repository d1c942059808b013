with transactions as (
    select * from {{ ref('fct_transactions') }}
),

final as (
    select
        date_key,
        transaction_date,
        merchant_category_key,
        channel,
        status,
        transaction_type,
        currency,
        source_system,
        {{ transaction_measures() }}
    from transactions
    group by
        date_key,
        transaction_date,
        merchant_category_key,
        channel,
        status,
        transaction_type,
        currency,
        source_system
)

select * from final
order by transaction_date
