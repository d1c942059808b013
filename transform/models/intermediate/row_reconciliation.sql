{{ config(schema='monitoring') }}
{%- set tables = ['customers', 'customer_changes', 'transactions', 'merchant_categories', 'products'] %}
with
rejected as (
    select
        table_name,
        count(*) as rejected_rows
    from {{ ref('rejects') }}
    group by table_name
),

counted as (
    {%- for table in tables %}
    select
        '{{ table }}' as table_name,
        (select count(*) from {{ source('bronze', table) }}) as bronze_rows,
        (select count(*) from {{ ref('fct_transactions' if table == 'transactions' else 'stg_' ~ table) }}) as silver_rows
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

final as (
    select
        counted.table_name,
        counted.bronze_rows,
        counted.silver_rows,
        coalesce(rejected.rejected_rows, 0) as rejected_rows
    from counted
    left join rejected on counted.table_name = rejected.table_name
)

select * from final
