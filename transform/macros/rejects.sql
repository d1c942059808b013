{#- The rows of a bronze table, each with what corrections make of it (corrected_rows). -#}
{% macro bronze_rows(table, relation=none) -%}
    select
        landed.*,
        coalesce(corrected.is_correction, false) as is_correction,
        coalesce(corrected.is_set_aside, false) as is_set_aside
    from {{ source('bronze', relation or table) }} as landed
    left join {{ ref('corrected_rows') }} as corrected
        on
            corrected.table_name = '{{ table }}'
            and landed._batch_id = corrected.batch_id
            and landed._line = corrected.source_line
{%- endmacro %}

{#- Whether a bronze row cannot be used, and why, by the rules of its table: the sentences, and the names of the rules.
    A value that did not fit its type is always a reason. A condition that cannot be told holds.
    The flag stands apart from the texts, so that whoever only asks for good rows does not pay for reasons. -#}
{% macro reject_columns(table) -%}
        {%- set rules = quality_rules(table) -%}
        {%- set reasons = ["case when _invalid is not null then 'does not fit its type: ' || _invalid end"] -%}
        {%- set codes = ["case when _invalid is not null then 'type' end"] -%}
        {%- for name, _, holds, reason in rules -%}
            {%- do reasons.append("case when not (" ~ holds ~ ") then '" ~ reason ~ "' end") -%}
            {%- do codes.append("case when not (" ~ holds ~ ") then '" ~ name ~ "' end") -%}
        {%- endfor -%}
        is_set_aside
        or _invalid is not null
        {%- for _, _, holds, _ in rules %}
        or coalesce(not ({{ holds }}), false)
        {%- endfor %} as is_rejected,
        nullif({{ join_present('; ', reasons) }}, '') as reject_reason,
        nullif({{ join_present(',', codes) }}, '') as reason_code
{%- endmacro %}

{#- The id of a rejected row, the same in every build and on both engines. -#}
{% macro reject_id(table, batch, line) -%}
    substr(md5({{ join_present('|', ["'" ~ table ~ "'", batch, "cast(" ~ line ~ " as varchar)"]) }}), 1, 16)
{%- endmacro %}
