{#- A model's schema is the one it names: silver, gold, monitoring. Where builds share a database, a build's own suffix follows. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ custom_schema_name | trim if custom_schema_name else target.schema }}{{ var('schema_suffix') }}
{%- endmacro %}
