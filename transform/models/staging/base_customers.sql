with source as (
    select * from {{ source('bronze', 'customers') }}
),

final as (
    select
        *,
        {{ reject_columns('customers') }}
    from source
)

select * from final
