with transactions as (
    select * from {{ ref('fct_transactions') }}
    where customer_id is not null
),

final as (
    select
        customer_id,
        cast(date_trunc('month', transaction_date) as date) as month,
        {{ money('coalesce(sum(transaction_amount), 0)') }} as spend,
        cast(count(*) as bigint) as transactions,
        cast(sum(case when status = 'declined' then 1 else 0 end) as bigint) as declines
    from transactions
    group by customer_id, cast(date_trunc('month', transaction_date) as date)
)

select * from final
order by customer_id, month
