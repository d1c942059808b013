select
    _line,
    source_system,
    payload ->> '$.id' as source_cart_id,
    payload ->> '$.userId' as source_customer_id,
    payload ->> '$.totalProducts' as product_count,
    payload ->> '$.totalQuantity' as quantity,
    -- A sum that was written as a double, such as 99.94999999999999, is what it stands for; what is no number stays.
    coalesce(
        round(try_cast(payload ->> '$.discountedTotal' as decimal(38, 12)), 4)::varchar, payload ->> '$.discountedTotal'
    ) as total_amount,
    payload,
    page,
    fetched_at,
    run_id,
    reject_code
from source
