{#- What DuckDB and Snowflake write differently, and nothing else. -#}

{% macro surrogate_key(columns) -%}
    {{ return(adapter.dispatch('surrogate_key')(columns)) }}
{%- endmacro %}

{% macro duckdb__surrogate_key(columns) -%}
    md5_number_lower(concat_ws('|', {% for column in columns %}cast({{ column }} as varchar){{ ', ' if not loop.last }}{% endfor %}))
{%- endmacro %}

{#- The UTC moment of a timestamp that was written in the dataset's time zone. -#}
{% macro to_utc(column) -%}
    {{ return(adapter.dispatch('to_utc')(column)) }}
{%- endmacro %}

{% macro duckdb__to_utc(column) -%}
    {%- if var('time_zone') == 'UTC' -%} {{ column }}
    {%- else -%} timezone('UTC', timezone('{{ var("time_zone") }}', {{ column }}))
    {%- endif -%}
{%- endmacro %}

{#- Lower case without accents, for search. -#}
{% macro search_form(expression) -%}
    {{ return(adapter.dispatch('search_form')(expression)) }}
{%- endmacro %}

{% macro duckdb__search_form(expression) -%}
    lower(strip_accents({{ expression }}))
{%- endmacro %}

{#- One row per day from first_day to last_day (both dates), in the column calendar_date. -#}
{% macro date_spine(first_day, last_day) -%}
    {{ return(adapter.dispatch('date_spine')(first_day, last_day)) }}
{%- endmacro %}

{% macro duckdb__date_spine(first_day, last_day) -%}
    select cast(unnest(generate_series({{ first_day }}, {{ last_day }}, interval 1 day)) as date) as calendar_date
{%- endmacro %}

{#- Whole days from one date to another. -#}
{% macro days_between(earlier, later) -%}
    datediff('day', {{ earlier }}, {{ later }})
{%- endmacro %}

{#- Whole months from one date to another. -#}
{% macro months_between(earlier, later) -%}
    {{ return(adapter.dispatch('months_between')(earlier, later)) }}
{%- endmacro %}

{% macro duckdb__months_between(earlier, later) -%}
    datesub('month', {{ earlier }}, {{ later }})
{%- endmacro %}

{% macro add_days(day, number) -%}
    {{ return(adapter.dispatch('add_days')(day, number)) }}
{%- endmacro %}

{% macro duckdb__add_days(day, number) -%}
    cast({{ day }} + cast({{ number }} as integer) as date)
{%- endmacro %}

{#- A whole row as a JSON text. -#}
{% macro row_as_json(alias) -%}
    {{ return(adapter.dispatch('row_as_json')(alias)) }}
{%- endmacro %}

{% macro duckdb__row_as_json(alias) -%}
    cast(to_json({{ alias }}) as varchar)
{%- endmacro %}

{#- 1 for Monday to 7 for Sunday. -#}
{% macro iso_weekday(day) -%}
    {{ return(adapter.dispatch('iso_weekday')(day)) }}
{%- endmacro %}

{% macro duckdb__iso_weekday(day) -%}
    isodow({{ day }})
{%- endmacro %}

{% macro iso_week(day) -%}
    {{ return(adapter.dispatch('iso_week')(day)) }}
{%- endmacro %}

{% macro duckdb__iso_week(day) -%}
    weekofyear({{ day }})
{%- endmacro %}

{#- Whether a text matches a regular expression. -#}
{% macro matches(column, pattern) -%}
    {{ return(adapter.dispatch('matches')(column, pattern)) }}
{%- endmacro %}

{% macro duckdb__matches(column, pattern) -%}
    regexp_matches({{ column }}, '{{ pattern }}')
{%- endmacro %}

{% macro add_months(day, number) -%}
    {{ return(adapter.dispatch('add_months')(day, number)) }}
{%- endmacro %}

{% macro duckdb__add_months(day, number) -%}
    cast({{ day }} + to_months({{ number }}) as date)
{%- endmacro %}

{#- A 64-bit hash of a value: for finding candidates, never for telling two values apart. -#}
{% macro hash_of(column) -%}
    hash({{ column }})
{%- endmacro %}
