with source as (
    {{ bronze_rows('api_customers') }}
),

final as (
    select
        *,
        {{ reject_columns('api_customers') }}
    from source
)

select * from final
