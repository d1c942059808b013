{#- A table whose rows are sorted within chunks of time: a sort of everything would not fit into memory at sixty million
    rows, a sort of ten million does. A chunk is as many whole months as make up `rows_per_sort` rows.
    Where the build carries the facts of the published one, the table is there and is appended to.
    Every statement commits by itself: DuckDB 2.0.0 takes a table for empty in later GROUP BYs that was created by a
    select without rows and filled in the same transaction. -#}
{% materialization chunked_table, adapter='duckdb' %}
    {%- set target = this.incorporate(type='table') -%}
    {%- set day = config.require('chunk_by') -%}
    {{ run_hooks(pre_hooks) }}
    {%- if var('carries_facts') -%}
        {%- call noop_statement('main', 'APPEND') -%}{%- endcall -%}
    {%- else -%}
        {{ drop_relation_if_exists(load_cached_relation(this)) }}
        {%- call statement('main', auto_begin=False) -%}
            create table {{ target }} as select * from ({{ compiled_code }}) as model limit 0
        {%- endcall -%}
    {%- endif -%}
    {%- for first_day, day_after in chunk_bounds(config.require('chunk_source'), day) %}
        {%- call statement('chunk', auto_begin=False) -%}
            insert into {{ target }}
            select * from ({{ compiled_code }}) as model
            where {{ day }} >= date '{{ first_day }}' and {{ day }} < date '{{ day_after }}'
            order by {{ config.require('order_within') }}
        {%- endcall -%}
    {%- endfor %}
    {{ run_hooks(post_hooks) }}
    {{ adapter.commit() }}
    {{ return({'relations': [target]}) }}
{% endmaterialization %}

{#- The first day of each chunk and the day after its last, of the months in which a relation has rows. -#}
{% macro chunk_bounds(relation, day) -%}
    {%- set bounds = run_query(
        "with months as ("
        "  select cast(date_trunc('month', " ~ day ~ ") as date) as month, count(*) as rows_in_month"
        "  from " ~ relation ~ " where " ~ day ~ " is not null group by 1"
        "), counted as ("
        "  select month, sum(rows_in_month) over (order by month) - rows_in_month as rows_before from months"
        ") "
        "select min(month), cast(max(month) + interval 1 month as date) from counted "
        "group by rows_before // " ~ var('rows_per_sort') ~ " order by 1"
    ) -%}
    {{ return(bounds.rows) }}
{%- endmacro %}

{#- Whether the table, where it is carried from the published build, does not have a value of a column yet. -#}
{% macro is_not_carried(column) -%}
    {%- if is_incremental() -%} {{ column }} not in (select carried.{{ column }} from {{ this }} as carried)
    {%- else -%} true
    {%- endif -%}
{%- endmacro %}

{#- Snowflake sorts by itself: a plain table, clustered by what `cluster_by` says. -#}
{% materialization chunked_table, adapter='snowflake' %}
    {{ return(materialization_table_snowflake()) }}
{% endmaterialization %}
