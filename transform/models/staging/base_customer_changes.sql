with source as (
    select * from {{ source('bronze', 'customer_changes') }}
),

final as (
    select
        *,
        {{ reject_columns('customer_changes') }}
    from source
)

select * from final
