{#- The day a build calls today; the build passes it in, the newest transaction unless somebody gave another. -#}
{% macro as_of_date() -%}
    cast('{{ var("as_of_date") or "1970-01-01" }}' as date)
{%- endmacro %}
