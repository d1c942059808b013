select customers.customer_id
from {{ ref('int_customer_history') }} as customers
left join {{ ref('customer_360_profile') }} as profiles on customers.customer_id = profiles.customer_id
where customers.is_latest and profiles.customer_id is null
