with transactions as (
    select * from {{ ref('transactions_by_customer_month') }}
    where customer_id is not null
),

final as (
    select
        customer_id,
        transaction_month as month,
        {{ money('coalesce(sum(transaction_amount_sum), 0)') }} as spend,
        cast(sum(row_count) as bigint) as transactions,
        cast(sum(case when status = 'declined' then row_count else 0 end) as bigint) as declines
    from transactions
    group by customer_id, transaction_month
)

select * from final
order by customer_id, month
