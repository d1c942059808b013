-- Empty until scores are landed; the profile joins it, so that a customer without one is Not Scored (X.10).
select
    cast(null as varchar) as customer_id,
    cast(null as date) as as_of_date,
    cast(null as double) as churn_probability,
    cast(null as double) as churn_risk_score,
    cast(null as varchar) as churn_risk_category
where 1 = 0
