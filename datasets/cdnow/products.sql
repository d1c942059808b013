select
    min(_line) as _line,
    'CD' as product_id,
    'Compact disc' as product_name,
    'Music' as category,
    'product' as type
from source
