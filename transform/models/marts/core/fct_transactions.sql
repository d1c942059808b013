{{ config(
    materialized='chunked_table', chunk_by='transaction_date', chunk_source='bronze.transactions_to_build',
    order_within='customer_id, transaction_date, transaction_at, transaction_id',
    cluster_by=['transaction_date'], pre_hook='{{ rekey_facts() }}'
) }}
-- Declined rows stay, with a null amount and what was attempted. A fact that is older than anything known of its
-- customer belongs to the customer's first version; a guest has no customer at all.
with transactions as (
    select * from {{ ref('stg_transactions') }}
),

customers as (
    select * from {{ ref('int_customer_versions') }}
),

products as (
    select * from {{ ref('dim_product') }}
),

codes as (
    select * from {{ ref('stg_merchant_categories') }}
),

categories as (
    select * from {{ ref('dim_merchant_category') }}
),

final as (
    select
        {{ surrogate_key(['transactions.transaction_id']) }} as transaction_key,
        transactions.transaction_id,
        customers.customer_key,
        transactions.customer_id,
        products.product_key,
        categories.category_key as merchant_category_key,
        cast(
            year(transactions.transaction_date) * 10000
            + month(transactions.transaction_date) * 100
            + day(transactions.transaction_date) as integer
        ) as date_key,
        transactions.transaction_date,
        transactions.transaction_at,
        case when transactions.status = 'approved' then transactions.transaction_amount end as transaction_amount,
        transactions.transaction_amount as attempted_amount,
        cast(1 as integer) as transaction_count,
        transactions.merchant_name,
        transactions.channel,
        transactions.status,
        transactions.order_id,
        transactions.product_id,
        transactions.quantity,
        transactions.unit_price,
        transactions.transaction_type,
        transactions.currency,
        transactions.source_system
    from transactions
    left join customers
        on
            transactions.customer_id = customers.customer_id
            and {{ is_version_at('customers', 'transactions.occurred_at') }}
    left join products on transactions.product_id = products.product_id
    left join codes on transactions.merchant_category_id = codes.category_id
    left join categories on codes.category_name = categories.category_name
)

select * from final
