with source as (
    select * from {{ source('bronze', 'customers') }}
),

final as (
    select
        *,
        {{ reject_reason([
            ("customer_id is not null", "customer_id is missing"),
            ("observed_at is not null", "observed_at is missing"),
        ]) }} as reject_reason
    from source
)

select * from final
