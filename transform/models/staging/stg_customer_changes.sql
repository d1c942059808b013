with base as (
    select * from {{ ref('base_customer_changes') }}
    where not is_rejected
),

final as (
    select
        change_id,
        {{ trimmed('customer_id') }} as customer_id,
        {{ to_utc('effective_at') }} as effective_at,
        attribute,
        old_value,
        case attribute
            when 'email' then lower({{ trimmed('new_value') }})
            when 'state' then upper({{ trimmed('new_value') }})
            else {{ trimmed('new_value') }}
        end as new_value,
        _source_file,
        _line
    from base
)

select * from final
