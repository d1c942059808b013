select
    _line,
    customer as customer_id,
    try_strptime(day, '%Y%m%d') as observed_at
from source
