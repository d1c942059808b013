-- Each record with its score: 100 points less some for every field that is missing, and for an e-mail of no form.
-- noqa: disable=LT02
{%- set fields = ['first_name', 'last_name', 'email', 'avatar'] %}
{%- set missing = [] %}
{%- for field in fields %}
{%- do missing.append("case when " ~ field ~ " is null then '" ~ field ~ "' end") %}
{%- endfor %}
with base as (
    select * from {{ ref('base_api_customers') }}
    where not is_rejected
),

cleaned as (
    select
        {{ trimmed('source_system') }} as source_system,
        {{ trimmed('source_customer_id') }} as source_customer_id,
        nullif({{ trimmed('first_name') }}, '') as first_name,
        nullif({{ trimmed('last_name') }}, '') as last_name,
        nullif(lower({{ trimmed('email') }}), '') as email,
        nullif({{ trimmed('avatar') }}, '') as avatar,
        age,
        nullif({{ trimmed('country') }}, '') as country,
        nullif(upper({{ trimmed('state') }}), '') as state,
        nullif({{ trimmed('city') }}, '') as city,
        fetched_at,
        run_id,
        _source_file,
        _batch_id,
        _line
    from base
),

checked as (
    select
        *,
        nullif({{ join_present(', ', missing) }}, '') as missing_fields,
        case when not {{ matches('email', email_pattern()) }} then 'email' end as invalid_fields,
        {% for field in fields -%}
        case when {{ field }} is null then 1 else 0 end +
        {%- endfor %}
        case when not {{ matches('email', email_pattern()) }} then 1 else 0 end as faults
    from cleaned
),

final as (
    select
        *,
        cast(greatest(0, 100 - {{ var('quality_points_per_field') }} * faults) as integer) as data_quality_score
    from checked
)

select * from final
