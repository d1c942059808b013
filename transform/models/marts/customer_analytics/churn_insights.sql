-- Why each scored customer has the score it has: the reasons that weigh most, then the rest and the average customer.
select
    customer_id,
    rank,
    feature,
    contribution,
    text
from {{ source('scoring', 'churn_reasons') }}
order by customer_id, rank
