select * from {{ ref('monthly_customer_spending') }}
