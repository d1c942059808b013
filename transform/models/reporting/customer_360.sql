select * from {{ ref('customer_360_profile') }}
