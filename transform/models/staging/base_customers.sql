with source as (
    {{ bronze_rows('customers') }}
),

final as (
    select
        *,
        {{ reject_columns('customers') }}
    from source
)

select * from final
