-- ML.CHURN_PREDICTIONS: probability, score from 0 to 100 and risk of each customer, or why there is none.
-- requires: role SYSADMIN; emulator: parsed only
-- Never executed: no account was ever used. The scores were run on DuckDB with probabilities made up.
-- Pages, API and questions read GOLD.CHURN_PREDICTIONS of the published build, not this table: it stands beside.
-- Go no further where ML.HOLDOUT_METRICS is not usable (04); REFRESH_CHURN_PREDICTIONS refuses by itself.
-- https://docs.snowflake.com/en/sql-reference/classes/classification/methods/predict
use database &{database};

create or replace table ML.CUSTOMER_PROBABILITIES copy grants
    comment = 'One row per customer that was scored'
as
with predicted as (
    select
        customer_id,
        ML.CHURN_MODEL!PREDICT(INPUT_DATA => {* exclude (customer_id, cutoff_date, eligibility)}) as prediction
    from ML.CUSTOMERS_TO_SCORE
)

select
    customer_id,
    cast(get_ignore_case(prediction['probability'], 'true') as double) as churn_probability
from predicted;

-- Straight lines between the frozen marks: 0 at probability 0, Medium Risk and High Risk where the scale has them, 100
-- at probability 1. A score as it is, not rounded: 39.9 is Low Risk.
create or replace table ML.CHURN_PREDICTIONS copy grants
    comment = 'One row per customer of the published build'
as
with customers as (
    select
        customer_id,
        cutoff_date,
        eligibility
    from GOLD.CHURN_FEATURES
    where cutoff_date = (select max(cutoff_date) from GOLD.CHURN_FEATURES)
),

scored as (
    select
        customers.customer_id,
        customers.cutoff_date,
        customers.eligibility,
        scale.model_version,
        scale.medium_from_score,
        scale.high_from_score,
        found.churn_probability,
        case
            when found.churn_probability >= scale.high_from_probability
                then
                    scale.high_from_score
                    + (100 - scale.high_from_score)
                    * coalesce(
                        (found.churn_probability - scale.high_from_probability)
                        / nullif(1 - scale.high_from_probability, 0),
                        1
                    )
            when found.churn_probability >= scale.medium_from_probability
                then
                    scale.medium_from_score
                    + (scale.high_from_score - scale.medium_from_score)
                    * (found.churn_probability - scale.medium_from_probability)
                    / nullif(scale.high_from_probability - scale.medium_from_probability, 0)
            else scale.medium_from_score * found.churn_probability / nullif(scale.medium_from_probability, 0)
        end as churn_risk_score
    from customers
    cross join ML.CHURN_SCORE_SCALE as scale
    left join ML.CUSTOMER_PROBABILITIES as found on customers.customer_id = found.customer_id
)

select
    customer_id,
    cutoff_date as as_of_date,
    sysdate() as scored_at,
    case when churn_risk_score is not null then model_version end as model_version,
    churn_probability,
    churn_risk_score,
    case
        when churn_risk_score is null then 'Not Scored'
        when churn_risk_score >= high_from_score then 'High Risk'
        when churn_risk_score >= medium_from_score then 'Medium Risk'
        else 'Low Risk'
    end as churn_risk_category,
    case
        when churn_risk_score is not null then null
        when eligibility = 'Eligible' then 'The model gave no probability'
        else eligibility
    end as not_scored_reason
from scored;
grant select on table ML.CHURN_PREDICTIONS to role &{role_scientist};

select
    churn_risk_category,
    not_scored_reason,
    count(*) as customers,
    avg(churn_probability) as mean_probability
from ML.CHURN_PREDICTIONS
group by churn_risk_category, not_scored_reason
order by customers desc;
