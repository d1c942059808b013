{#- Whether a bronze row cannot be used, and why, by the rules of its table.
    A value that did not fit its type is always a reason. A condition that cannot be told holds.
    The flag stands apart from the text, so that whoever only asks for good rows does not pay for reasons. -#}
{% macro reject_columns(table) -%}
        {%- set rules = quality_rules(table) -%}
        {%- set reasons = ["case when _invalid is not null then 'does not fit its type: ' || _invalid end"] -%}
        {%- for _, _, holds, reason in rules -%}
            {%- do reasons.append("case when not (" ~ holds ~ ") then '" ~ reason ~ "' end") -%}
        {%- endfor -%}
        _invalid is not null
        {%- for _, _, holds, _ in rules %}
        or coalesce(not ({{ holds }}), false)
        {%- endfor %} as is_rejected,
        nullif({{ join_present('; ', reasons) }}, '') as reject_reason
{%- endmacro %}
