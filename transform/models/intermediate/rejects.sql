{%- set keys = rejectable_tables() %}
with
{%- for table in keys %}
{{ table }} as (
    select * from {{ ref('base_' ~ table) }}
    where is_rejected
),
{%- endfor %}

final as (
    {%- for table, key in keys.items() %}
    select
        '{{ table }}' as table_name,
        {{ key }} as record_key,
        reject_reason,
        {{ row_as_json(table, ref('base_' ~ table)) }} as payload,
        _source_file as source_file,
        _line as source_line,
        _batch_id as batch_id
    from {{ table }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
)

select * from final
