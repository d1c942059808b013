{#- A value that nobody knows, drawn by the weights of `simulated_weights`: a function of seed, field and customer alone, so
    that order and number of customers change nothing. -#}
{% macro drawn_value(field, customer_id) -%}
    {%- set draw = surrogate_key(["'" ~ var('simulation_seed') ~ "|" ~ field ~ "'", customer_id]) ~ ' % 100' -%}
    {%- set below = [0] -%}
    case
        {%- for value, weight in var('simulated_weights')[field].items() %}
            {%- do below.append(below[-1] + weight) %}
            when {{ draw }} < {{ below[-1] }} then '{{ value }}'
        {%- endfor %}
        end
{%- endmacro %}
