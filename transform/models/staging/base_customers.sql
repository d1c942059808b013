with source as (
    select * from {{ source('bronze', 'customers') }}
),

final as (
    select
        *,
        {{ reject_columns([
            ("customer_id is not null", "customer_id is missing"),
            ("observed_at is not null", "observed_at is missing"),
        ]) }}
    from source
)

select * from final
