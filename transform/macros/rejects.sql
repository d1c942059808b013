{#- The reasons why a bronze row cannot be used, as one text; null for a good row.
    `rules` is a list of (condition that must hold, reason). A value that did not fit its type is always a reason. -#}
{% macro reject_reason(rules) -%}
    nullif(concat_ws('; ',
        case when _invalid is not null then 'does not fit its type: ' || _invalid end
    {%- for condition, reason in rules %},
        case when not ({{ condition }}) then '{{ reason }}' end
    {%- endfor %}
    ), '')
{%- endmacro %}
