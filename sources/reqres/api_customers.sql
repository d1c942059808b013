select
    _line,
    source_system,
    payload ->> '$.id' as source_customer_id,
    payload ->> '$.first_name' as first_name,
    payload ->> '$.last_name' as last_name,
    payload ->> '$.email' as email,
    payload ->> '$.avatar' as avatar,
    payload,
    page,
    fetched_at,
    run_id,
    reject_code
from source
