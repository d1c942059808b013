select
    _line,
    product_id,
    product_id as source_product_id,
    product_name,
    category,
    type,
    attributes,
    launch_date,
    end_date
from source
