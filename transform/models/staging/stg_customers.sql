with base as (
    select * from {{ ref('base_customers') }}
    where not is_rejected
),

final as (
    select
        trim(customer_id) as customer_id,
        {{ to_utc('observed_at') }} as observed_at,
        nullif(trim(first_name), '') as first_name,
        nullif(trim(last_name), '') as last_name,
        nullif(lower(trim(email)), '') as email,
        age,
        nullif(trim(country), '') as country,
        nullif(upper(trim(state)), '') as state,
        nullif(trim(city), '') as city,
        nullif(trim(employment_status), '') as employment_status,
        nullif(trim(customer_type), '') as customer_type,
        nullif(trim(card_type), '') as card_type,
        credit_limit,
        account_open_date,
        nullif(trim(decline_type), '') as decline_type,
        _source_file,
        _line
    from base
)

select * from final
