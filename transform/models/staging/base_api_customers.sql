with source as (
    select * from {{ source('bronze', 'api_customers') }}
),

final as (
    select
        *,
        {{ reject_columns('api_customers') }}
    from source
)

select * from final
