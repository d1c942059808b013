with source as (
    select * from {{ source('bronze', 'customer_changes') }}
),

final as (
    select
        *,
        {{ reject_columns([
            ("change_id is not null", "change_id is missing"),
            ("customer_id is not null", "customer_id is missing"),
            ("effective_at is not null", "effective_at is missing"),
            ("coalesce(attribute, '') in ('" ~ customer_attributes().keys() | join("', '") ~ "')",
             "attribute is not one of a customer"),
            ("new_value is not null", "new_value is missing"),
        ]) }}
    from source
)

select * from final
