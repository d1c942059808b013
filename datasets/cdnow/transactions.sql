-- Identical rows are real repeats of one day, so the place in the file tells purchases apart.
select
    _line,
    customer || '-' || row_number() over (partition by customer order by _line) as transaction_id,
    customer as customer_id,
    'CD' as product_id,
    'music' as merchant_category_id,
    try_strptime(day, '%Y%m%d')::date as transaction_date,
    amount as transaction_amount,
    cds as quantity,
    'purchase' as transaction_type,
    'Online' as channel,
    'approved' as status,
    'USD' as currency,
    'cdnow' as source_system
from source
