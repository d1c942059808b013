with base as (
    select * from {{ ref('base_api_carts') }}
    where not is_rejected
),

final as (
    select
        {{ trimmed('source_system') }} as source_system,
        {{ trimmed('source_cart_id') }} as source_cart_id,
        {{ trimmed('source_customer_id') }} as source_customer_id,
        product_count,
        quantity,
        total_amount,
        fetched_at,
        run_id,
        _source_file,
        _batch_id,
        _line
    from base
)

select * from final
