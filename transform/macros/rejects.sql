{#- Whether a bronze row cannot be used, and why; `rules` is a list of (condition that must hold, reason).
    A value that did not fit its type is always a reason. A condition that cannot be told holds.
    The flag stands apart from the text, so that whoever only asks for good rows does not pay for reasons. -#}
{% macro reject_columns(rules) -%}
        _invalid is not null
        {%- for condition, _ in rules %}
        or coalesce(not ({{ condition }}), false)
        {%- endfor %} as is_rejected,
        nullif(concat_ws('; ',
            case when _invalid is not null then 'does not fit its type: ' || _invalid end
            {%- for condition, reason in rules %},
            case when not ({{ condition }}) then '{{ reason }}' end
            {%- endfor %}
        ), '') as reject_reason
{%- endmacro %}
