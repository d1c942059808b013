-- How good the model is at a cutoff that it has not seen: AUC, F1, precision, recall, Brier score, and a verdict.
-- requires: role SYSADMIN; emulator: parsed only
-- Never executed: no account was ever used. ML.HOLDOUT_METRICS was run on DuckDB and compared with scikit-learn.
-- An AUC above 0.99 is a leak until shown otherwise: look for a feature that was not known at the cutoff. An F1 of 0.50
-- to 0.70 is what to expect of real customers; 1.0 is not a triumph, it is a mistake in the data.
-- https://docs.snowflake.com/en/sql-reference/classes/classification/methods/predict
-- https://docs.snowflake.com/en/sql-reference/classes/classification/methods/show_evaluation_metrics
use database &{database};

create or replace table ML.HOLDOUT_PREDICTIONS copy grants
    comment = 'One row per customer held out: whether they left, and the probability that the model gave'
as
with predicted as (
    select
        customer_id,
        cutoff_date,
        churned,
        ML.CHURN_MODEL!PREDICT(INPUT_DATA => {* exclude (customer_id, cutoff_date, churned)}) as prediction
    from ML.HOLDOUT_DATA
)

select
    customer_id,
    cutoff_date,
    churned,
    cast(get_ignore_case(prediction['probability'], 'true') as double) as churn_probability
from predicted;
grant select on table ML.HOLDOUT_PREDICTIONS to role &{role_scientist};

-- The threshold has the best F1 on the rows learnt from; chosen on the holdout, it would flatter the model. AUC is the
-- sum of the leavers' ranks less the least that it could be, by the number of pairs; equal probabilities share a rank.
create or replace view ML.HOLDOUT_METRICS copy grants
    comment = 'One row: how good the model is on the holdout, and whether its scores may be used'
as
with steps as (
    select
        churn_probability,
        count(*) as customers,
        count_if(churned) as leavers
    from ML.TRAINING_PREDICTIONS
    where churn_probability is not null
    group by churn_probability
),

thresholds as (
    select
        churn_probability as threshold,
        2 * sum(leavers) over (order by churn_probability desc rows between unbounded preceding and current row)
        / cast(
            sum(customers) over (order by churn_probability desc rows between unbounded preceding and current row)
            + sum(leavers) over () as double
        ) as f1
    from steps
),

chosen as (
    select threshold
    from thresholds
    order by f1 desc, threshold desc
    limit 1
),

ranked as (
    select
        churned,
        churn_probability,
        rank() over (order by churn_probability)
        + cast(count(*) over (partition by churn_probability) - 1 as double) / 2 as place
    from ML.HOLDOUT_PREDICTIONS
    where churn_probability is not null
),

counted as (
    select
        count(*) as customers,
        cast(count_if(ranked.churned) as double) as leavers,
        cast(count_if(not ranked.churned) as double) as stayers,
        cast(count_if(ranked.churn_probability >= chosen.threshold) as double) as called,
        cast(count_if(ranked.churned and ranked.churn_probability >= chosen.threshold) as double) as hits,
        sum(case when ranked.churned then ranked.place end) as places_of_leavers,
        avg(ranked.churn_probability) as mean_probability,
        avg(power(ranked.churn_probability - case when ranked.churned then 1 else 0 end, 2)) as brier
    from ranked
    cross join chosen
),

measured as (
    select
        counted.customers,
        counted.leavers,
        chosen.threshold,
        (counted.places_of_leavers - counted.leavers * (counted.leavers + 1) / 2)
        / nullif(counted.leavers * counted.stayers, 0) as auc,
        2 * counted.hits / nullif(counted.called + counted.leavers, 0) as f1_at_threshold,
        coalesce(counted.hits / nullif(counted.called, 0), 0) as precision_at_threshold,
        counted.hits / nullif(counted.leavers, 0) as recall_at_threshold,
        counted.brier,
        counted.mean_probability,
        counted.leavers / nullif(counted.customers, 0) as churn_rate
    from counted
    cross join chosen
),

judged as (
    select
        *,
        coalesce(auc <= 0.99, false) as is_usable
    from measured
)

select
    *,
    case
        when auc is null then 'No AUC: nobody left, nobody stayed, or there are no predictions'
        when is_usable then 'No sign of a leak'
        else 'A leak until shown otherwise: no honest feature tells who leaves that well'
    end as verdict
from judged;
grant select on view ML.HOLDOUT_METRICS to role &{role_scientist};

select * from ML.HOLDOUT_METRICS;

-- What the model says of itself is from a random part of the rows learnt from, where a customer may stand on both sides
-- at two cutoffs: expect it to be better than the holdout, which alone is later.
call ML.CHURN_MODEL!SHOW_EVALUATION_METRICS();
call ML.CHURN_MODEL!SHOW_GLOBAL_EVALUATION_METRICS();
call ML.CHURN_MODEL!SHOW_THRESHOLD_METRICS();
call ML.CHURN_MODEL!SHOW_CONFUSION_MATRIX();
call ML.CHURN_MODEL!SHOW_FEATURE_IMPORTANCE();
