with base as (
    select * from {{ ref('base_customer_changes') }}
    where not is_rejected
),

final as (
    select
        change_id,
        trim(customer_id) as customer_id,
        {{ to_utc('effective_at') }} as effective_at,
        attribute,
        old_value,
        case attribute
            when 'email' then lower(trim(new_value))
            when 'state' then upper(trim(new_value))
            else trim(new_value)
        end as new_value,
        _source_file,
        _line
    from base
)

select * from final
