-- The ids by which each system knows a customer.
with customers as (
    select * from {{ ref('int_customer_history') }}
    where is_latest
),

identities as (
    select * from {{ ref('int_api_customers') }}
    where is_latest
),

from_apis as (
    select distinct customer_id from identities
    where is_from_api
),

dataset as (
    select
        customers.customer_id,
        '{{ var("dataset") }}' as source_system,
        customers.customer_id as source_customer_id,
        'own_id' as match_rule,
        cast(1 as double) as confidence
    from customers
    left join from_apis on customers.customer_id = from_apis.customer_id
    where from_apis.customer_id is null
),

final as (
    select * from dataset
    union all
    select
        customer_id,
        source_system,
        source_customer_id,
        match_rule,
        cast(confidence as double) as confidence
    from identities
)

select * from final
order by customer_id, source_system, source_customer_id
