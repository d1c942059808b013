with source as (
    select * from {{ source('bronze', 'products') }}
),

final as (
    select
        *,
        {{ reject_reason([("product_id is not null", "product_id is missing")]) }} as reject_reason
    from source
)

select * from final
