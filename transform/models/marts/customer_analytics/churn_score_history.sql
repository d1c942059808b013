-- What models said of the customers on earlier days, as far as builds were published: held against what became of them.
select
    customer_id,
    as_of_date,
    model_version,
    churn_probability,
    churn_risk_score,
    churn_risk_category
from {{ source('bronze', 'churn_scores') }}
where as_of_date < {{ as_of_date() }}
order by as_of_date, customer_id
