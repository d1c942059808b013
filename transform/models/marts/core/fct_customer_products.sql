with holdings as (
    select * from {{ ref('stg_customer_products') }}
),

products as (
    select * from {{ ref('dim_product') }}
),

final as (
    select
        {{ surrogate_key(['holdings.customer_id', 'holdings.product_id', day_as_text('holdings.start_date')]) }}
            as holding_key,
        holdings.customer_id,
        products.product_key,
        holdings.product_id,
        products.product_name,
        products.category as product_category,
        products.type as product_type,
        holdings.relationship_type,
        holdings.start_date,
        holdings.end_date,
        holdings.balance,
        holdings.end_date is null or holdings.end_date >= {{ as_of_date() }} as is_active
    from holdings
    inner join products on holdings.product_id = products.product_id
)

select * from final
order by customer_id, start_date, product_id
