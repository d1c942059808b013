{#- Sums and means of money keep a declared decimal type on both engines. -#}
{% macro money(expression) -%}
    cast({{ expression }} as decimal(38, 4))
{%- endmacro %}

{#- A share in percent, null where there is nothing to divide by. -#}
{% macro percent(part, whole) -%}
    cast(100.0 * {{ part }} / nullif({{ whole }}, 0) as double)
{%- endmacro %}

{#- 1 to 5 by fifths of all rows; equal values share a score. -#}
{% macro score(expression) -%}
    cast(least(5, 1 + floor(5 * percent_rank() over (order by {{ expression }} asc nulls first))) as integer)
{%- endmacro %}
