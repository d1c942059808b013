with transactions as (
    select * from {{ ref('fct_transactions') }}
),

final as (
    select
        transaction_amount,
        channel,
        status,
        transaction_type,
        {{ transaction_measures() }}
    from transactions
    group by transaction_amount, channel, status, transaction_type
)

select * from final
order by transaction_amount
