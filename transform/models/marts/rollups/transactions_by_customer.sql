with months as (
    select * from {{ ref('transactions_by_customer_month') }}
),

final as (
    select
        customer_id,
        status,
        transaction_type,
        {{ rolled_up_measures() }}
    from months
    group by customer_id, status, transaction_type
)

select * from final
order by customer_id
