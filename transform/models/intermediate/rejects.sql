{%- set keys = rejectable_tables() %}
with
{%- for table in keys %}
{{ table }} as (
    select * from {{ ref('base_' ~ table) }}
    where is_rejected
),
{%- endfor %}

rejected as (
    {%- for table, key in keys.items() %}
    select
        {{ reject_id(table, '_batch_id', '_line') }} as reject_id,
        '{{ table }}' as table_name,
        {{ key }} as record_key,
        reason_code,
        reject_reason,
        {{ row_as_json(table, ref('base_' ~ table)) }} as payload,
        _source_file as source_file,
        _line as source_line,
        _batch_id as batch_id
    from {{ table }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

corrected as (
    select * from {{ ref('corrected_rows') }}
),

final as (
    select
        rejected.reject_id,
        rejected.table_name,
        rejected.record_key,
        coalesce(corrected.reason_code, rejected.reason_code) as reason_code,
        coalesce(corrected.reject_reason, rejected.reject_reason) as reject_reason,
        case when corrected.replayed_by_batch_id is null then 'quarantined' else 'replayed' end as state,
        corrected.replayed_by_batch_id,
        rejected.payload,
        rejected.source_file,
        rejected.source_line,
        rejected.batch_id
    from rejected
    left join corrected
        on
            rejected.table_name = corrected.table_name
            and rejected.batch_id = corrected.batch_id
            and rejected.source_line = corrected.source_line
)

select * from final
