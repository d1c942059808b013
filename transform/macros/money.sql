{#- Sums and means of money keep a declared decimal type on both engines. -#}
{% macro money(expression) -%}
    cast({{ expression }} as decimal(38, 4))
{%- endmacro %}

{#- An amount divided by a count, null where that is zero, to four decimals with halves away from zero. DuckDB divides
    decimals as doubles, which get about one exact half in ten wrong, Snowflake to ten digits: the nearest
    ten-thousandth is counted instead, which is the same on both for amounts below 400 billion. -#}
{% macro money_per(amount, count) -%}
    cast(
        cast(
            sign({{ amount }}) * floor(
                cast(20000 * abs({{ amount }}) + {{ count }} as double) / cast(2 * nullif({{ count }}, 0) as double)
            ) as decimal(30, 0)
        ) * 0.0001 as decimal(38, 4)
    )
{%- endmacro %}

{#- A share in percent, null where there is nothing to divide by. Divided as doubles on both engines, so that a share
    that lies on a threshold falls to the same side. -#}
{% macro percent(part, whole) -%}
    cast(100.0 * {{ part }} as double) / cast(nullif({{ whole }}, 0) as double)
{%- endmacro %}

{#- 1 to 5 by fifths of all rows; equal values share a score. -#}
{% macro score(expression) -%}
    cast(least(5, 1 + floor(5 * percent_rank() over (order by {{ expression }} asc nulls first))) as integer)
{%- endmacro %}

{#- So many percent of an amount. -#}
{% macro money_share(amount, pct) -%}
    {{ money_per('(' ~ money(amount) ~ ' * ' ~ pct ~ ')', 100) }}
{%- endmacro %}
