with base as (
    select * from {{ ref('base_customer_products') }}
    where not is_rejected
),

final as (
    select
        customer_id,
        product_id,
        coalesce(nullif(lower({{ trimmed('relationship_type') }}), ''), 'owner') as relationship_type,
        start_date,
        end_date,
        balance
    from base
)

select * from final
