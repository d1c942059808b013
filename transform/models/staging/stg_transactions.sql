with base as (
    select * from {{ ref('base_transactions') }}
    where not is_rejected
),

final as (
    select
        transaction_id,
        customer_id,
        order_id,
        product_id,
        merchant_category_id,
        merchant_name,
        transaction_date,
        {{ to_utc('transaction_at') }} as transaction_at,
        {{ occurred_at(to_utc('transaction_at'), 'transaction_date') }} as occurred_at,
        transaction_amount,
        quantity,
        unit_price,
        transaction_type,
        channel,
        status,
        currency,
        source_system
    from base
)

select * from final
