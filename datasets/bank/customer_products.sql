select
    _line,
    customer_id,
    product_id,
    relationship_type,
    start_date,
    end_date,
    balance
from source
