{%- set used = {
    'customers': 'stg_customers', 'customer_changes': 'stg_customer_changes', 'transactions': 'fct_transactions',
    'merchant_categories': 'stg_merchant_categories', 'products': 'stg_products', 'customer_products': 'fct_customer_products',
    'api_customers': 'stg_api_customers', 'api_carts': 'stg_api_carts',
} %}
with
rejected as (
    select
        table_name,
        count(*) as rejected_rows
    from {{ ref('rejects') }}
    group by table_name
),

counted as (
    {%- for table in used %}
    select
        '{{ table }}' as table_name,
        (select count(*) from {{ source('bronze', table) }}) as bronze_rows,
        (select count(*) from {{ ref(used[table]) }}) as silver_rows
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
