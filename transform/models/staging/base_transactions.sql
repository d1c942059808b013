with source as (
    select * from {{ source('bronze', 'transactions') }}
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
        {{ reject_columns([
            ("transaction_id is not null", "transaction_id is missing"),
            ("not is_repeat", "transaction_id is repeated"),
            ("transaction_date is not null", "transaction_date is missing"),
            ("coalesce(transaction_date <= " ~ as_of_date() ~ ", true)", "transaction_date is after the as-of date"),
            ("coalesce(transaction_date >= account_open_date, true)", "transaction_date is before the account was opened"),
            ("transaction_amount is not null", "transaction_amount is missing"),
            ("customer_id is null or known_customer_id is not null", "customer_id is not a known customer"),
            ("known_category_id is not null", "merchant_category_id is not a known category"),
            ("product_id is null or known_product_id is not null", "product_id is not a known product"),
            ("coalesce(transaction_type, '') in ('purchase', 'return', 'fee', 'adjustment')",
             "transaction_type is not purchase, return, fee or adjustment"),
            ("coalesce(status, '') in ('approved', 'declined')", "status is not approved or declined"),
            ("coalesce(currency, '') = '" ~ var('currency') ~ "'", "currency is not " ~ var('currency')),
        ]) }}
    from checked
)

select * from final
