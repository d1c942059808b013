with base as (
    select * from {{ ref('base_customers') }}
    where not is_rejected
),

final as (
    select
        {{ trimmed('customer_id') }} as customer_id,
        {{ to_utc('observed_at') }} as observed_at,
        nullif({{ trimmed('first_name') }}, '') as first_name,
        nullif({{ trimmed('last_name') }}, '') as last_name,
        nullif(lower({{ trimmed('email') }}), '') as email,
        age,
        nullif({{ trimmed('country') }}, '') as country,
        nullif(upper({{ trimmed('state') }}), '') as state,
        nullif({{ trimmed('city') }}, '') as city,
        nullif({{ trimmed('employment_status') }}, '') as employment_status,
        nullif({{ trimmed('customer_type') }}, '') as customer_type,
        nullif({{ trimmed('card_type') }}, '') as card_type,
        credit_limit,
        account_open_date,
        nullif({{ trimmed('decline_type') }}, '') as decline_type,
        _source_file,
        _line
    from base
)

select * from final
