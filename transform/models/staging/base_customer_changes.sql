with source as (
    {{ bronze_rows('customer_changes') }}
),

final as (
    select
        *,
        {{ reject_columns('customer_changes') }}
    from source
)

select * from final
