with source as (
    {{ bronze_rows('products') }}
),

final as (
    select
        *,
        {{ reject_columns('products') }}
    from source
)

select * from final
