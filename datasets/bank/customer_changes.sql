select
    _line,
    change_id,
    customer_id,
    effective_at,
    attribute,
    old_value,
    new_value
from source
