-- 100 points less some for every field that is missing or breaks a rule of the registry (quality_rules).
-- Only fields that the dataset has at all are expected. Who is known from an API alone has the score of that record.
-- noqa: disable=LT02
{%- set fields = customer_attributes().keys() | reject('in', ['decline_type']) | list %}
{%- set rules = quality_rules('customer_profiles') %}
{%- set missing, invalid = [], [] %}
{%- for field in fields %}
{%- set is_missing = "expected.has_" ~ field ~ " and customers." ~ field ~ " is null" %}
{%- do missing.append("case when " ~ is_missing ~ " then '" ~ field ~ "' end") %}
{%- endfor %}
{%- for name, _, holds, _ in rules %}
{%- do invalid.append("case when not (" ~ holds ~ ") then '" ~ name ~ "' end") %}
{%- endfor %}
with from_apis as (
    select * from {{ ref('int_api_customers') }}
    where is_latest and is_from_api and match_rule = 'own_id'
),

customers as (
    select * from {{ ref('int_customer_versions') }}
    where is_current and customer_id not in (select from_apis.customer_id from from_apis)
),

expected as (
    select
        {%- for field in fields %}
        count({{ field }}) > 0 as has_{{ field }}{{ ',' if not loop.last }}
        {%- endfor %}
    from customers
),

checked as (
    select
        customers.customer_id,
        {{ join_present(', ', missing) }} as missing_fields,
        {{ join_present(', ', invalid) }} as invalid_fields,
        0
        {%- for field in fields %}
        + case when expected.has_{{ field }} and customers.{{ field }} is null then 1 else 0 end
        {%- endfor %}
        {%- for _, _, holds, _ in rules %}
        + case when not ({{ holds }}) then 1 else 0 end
        {%- endfor %} as faults
    from customers
    cross join expected
),

scored as (
    select
        customer_id,
        '{{ var("dataset") }}' as source_system,
        nullif(missing_fields, '') as missing_fields,
        nullif(invalid_fields, '') as invalid_fields,
        cast(greatest(0, 100 - {{ var('quality_points_per_field') }} * faults) as integer) as data_quality_score
    from checked
    union all
    select
        customer_id,
        source_system,
        missing_fields,
        invalid_fields,
        data_quality_score
    from from_apis
),

final as (
    select
        *,
        case
            when data_quality_score >= {{ var('quality_high_score') }} then 'high'
            when data_quality_score >= {{ var('quality_medium_score') }} then 'medium'
            else 'low'
        end as quality_bucket
    from scored
)

select * from final
