with source as (
    {{ bronze_rows('api_carts') }}
),

final as (
    select
        *,
        {{ reject_columns('api_carts') }}
    from source
)

select * from final
