-- Every rule of the registry, with how many rows it was held against and how many broke it, without those that were
-- corrected and landed anew; the results of dbt's tests are added when they have run.
with reconciliation as (
    select * from {{ ref('row_reconciliation') }}
),

rejects as (
    select * from {{ ref('rejects') }}
    where state = 'quarantined'
),

quality as (
    select * from {{ ref('customer_quality') }}
),

reject_counts as (
    {%- for table in rejectable_tables() %}
    {%- set outer = loop %}
    {%- for name, kind, _, reason in quality_rules(table) %}
    select
        '{{ table }}' as table_name,
        '{{ name }}' as rule_name,
        '{{ kind }}' as category,
        'reject' as consequence,
        '{{ reason }}' as message,
        (
            select bronze_rows from reconciliation
            where table_name = '{{ table }}'
        ) as checked_rows,
        (
            select count(*) from rejects
            where table_name = '{{ table }}' and '; ' || reject_reason || ';' like '%; {{ reason }};%'
        ) as failed_rows
    {{ 'union all' if not (loop.last and outer.last) }}
    {%- endfor %}
    {%- endfor %}
),

score_counts as (
    {%- for name, kind, _, reason in quality_rules('customer_profiles') %}
    select
        'customers' as table_name,
        '{{ name }}_plausible' as rule_name,
        '{{ kind }}' as category,
        'score' as consequence,
        '{{ reason }}' as message,
        (select count(*) from quality) as checked_rows,
        (
            select count(*) from quality
            where ', ' || invalid_fields || ',' like '%, {{ name }},%'
        ) as failed_rows
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

final as (
    select * from reject_counts
    union all
    select * from score_counts
)

select
    table_name,
    rule_name,
    category,
    consequence,
    message,
    cast(checked_rows as bigint) as checked_rows,
    cast(failed_rows as bigint) as failed_rows,
    failed_rows = 0 as passed
from final
