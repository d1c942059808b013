-- Every row is a purchase; the amount of a declined one is what was attempted.
select
    _line,
    transaction_id,
    customer_id,
    product_id,
    merchant_category_id,
    merchant_name,
    transaction_date,
    transaction_at,
    transaction_amount,
    'purchase' as transaction_type,
    channel,
    status,
    'USD' as currency,
    'core_banking' as source_system
from source
