select
    _line,
    source_system,
    payload ->> '$.id' as source_customer_id,
    payload ->> '$.firstName' as first_name,
    payload ->> '$.lastName' as last_name,
    payload ->> '$.email' as email,
    payload ->> '$.image' as avatar,
    payload ->> '$.age' as age,
    payload ->> '$.address.country' as country,
    payload ->> '$.address.stateCode' as state,
    payload ->> '$.address.city' as city,
    payload,
    page,
    fetched_at,
    run_id,
    reject_code
from source
