{{ config(schema='api', alias='customer_products') }}
select
    customer_id,
    product_id,
    relationship_type,
    start_date,
    end_date,
    balance,
    is_active
from {{ ref('fct_customer_products') }}
