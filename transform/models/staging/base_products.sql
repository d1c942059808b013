with source as (
    select * from {{ source('bronze', 'products') }}
),

final as (
    select
        *,
        {{ reject_columns([("product_id is not null", "product_id is missing")]) }}
    from source
)

select * from final
