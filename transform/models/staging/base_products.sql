with source as (
    select * from {{ source('bronze', 'products') }}
),

final as (
    select
        *,
        {{ reject_columns('products') }}
    from source
)

select * from final
