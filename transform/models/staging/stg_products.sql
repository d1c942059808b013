with base as (
    select * from {{ ref('base_products') }}
    where not is_rejected
),

final as (
    select
        product_id,
        nullif({{ trimmed('product_name') }}, '') as product_name,
        category,
        type,
        attributes,
        launch_date,
        end_date
    from base
)

select * from final
