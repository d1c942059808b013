with source as (
    {{ bronze_rows('customer_products') }}
),

customers as (
    select * from {{ ref('int_customer_history') }}
    where is_latest
),

products as (
    select * from {{ ref('dim_product') }}
),

checked as (
    select
        source.*,
        customers.customer_id as known_customer_id,
        products.product_id as known_product_id,
        row_number() over (
            partition by source.customer_id, source.product_id, source.start_date, source.is_set_aside
            order by
                source.end_date desc nulls first,
                source.balance desc nulls last,
                source.relationship_type asc,
                source._source_file asc,
                source._line asc
        ) as occurrence
    from source
    left join customers on source.customer_id = customers.customer_id
    left join products on source.product_id = products.product_id
),

final as (
    select
        *,
        {{ reject_columns('customer_products') }}
    from checked
)

select * from final
