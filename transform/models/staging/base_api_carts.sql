with source as (
    select * from {{ source('bronze', 'api_carts') }}
),

final as (
    select
        *,
        {{ reject_columns('api_carts') }}
    from source
)

select * from final
