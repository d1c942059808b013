with source as (
    {{ bronze_rows('transactions', relation='transactions_to_build') }}
),

customers as (
    select * from {{ ref('int_customer_history') }}
    where is_latest
),

categories as (
    select * from {{ ref('stg_merchant_categories') }}
),

products as (
    select * from {{ ref('dim_product') }}
),

repeats as (
    select * from {{ ref('repeated_transactions') }}
),

checked as (
    select
        source.*,
        customers.customer_id as known_customer_id,
        customers.account_open_date,
        categories.category_id as known_category_id,
        products.product_id as known_product_id,
        repeats.transaction_id is not null
        and (source._batch_id <> repeats.kept_batch_id or source._line <> repeats.kept_line) as is_repeat
    from source
    left join customers on source.customer_id = customers.customer_id
    left join categories on source.merchant_category_id = categories.category_id
    left join products on source.product_id = products.product_id
    left join repeats on source.transaction_id = repeats.transaction_id
),

final as (
    select
        *,
        {{ reject_columns('transactions') }}
    from checked
)

select * from final
