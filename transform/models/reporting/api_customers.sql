{{ config(schema='api', alias='customers') }}
select
    customer_id,
    full_name as customer_name,
    customer_type,
    region,
    country,
    state,
    city,
    email,
    market_segment,
    customer_segment,
    card_type,
    customer_tier
from {{ ref('customer_360_profile') }}
