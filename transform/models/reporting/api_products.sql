{{ config(schema='api', alias='products') }}
select
    product_id,
    product_name,
    category,
    type,
    attributes,
    launch_date,
    end_date
from {{ ref('dim_product') }}
