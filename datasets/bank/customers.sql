-- Attributes as they were at account opening; the change feed tells the rest.
select
    _line,
    customer_id,
    account_open_date as observed_at,
    first_name,
    last_name,
    email,
    age,
    'US' as country,
    state,
    city,
    employment_status,
    'Individual' as customer_type,
    card_type,
    credit_limit,
    account_open_date,
    customer_segment as seed_segment,
    decline_type
from source
