-- The model CHURN_MODEL, what it says of the rows it learnt from, and the scale of the scores, frozen with it.
-- requires: role SYSADMIN; emulator: parsed only
-- Never executed: no account was ever used. Nothing but a warehouse with room is needed: Snowflake advises a Medium
-- Snowpark-optimized one for large tables, an X-Small one to try. No seed can be given: two trainings may differ.
-- Stop where ML.UNFIT_COLUMNS has rows (02): the model would learn from columns that it must not see.
-- https://docs.snowflake.com/en/sql-reference/classes/classification/commands/create-classification
-- https://docs.snowflake.com/en/sql-reference/classes/classification/methods/predict
use database &{database};

create or replace snowflake.ml.classification ML.CHURN_MODEL(
    INPUT_DATA => system$reference('VIEW', 'ML.TRAINING_DATA'),
    TARGET_COLNAME => 'CHURNED',
    CONFIG_OBJECT => {'evaluate': true, 'on_error': 'ABORT'}
)
comment = 'Who leaves in the months after a cutoff, from what was known at it';
grant snowflake.ml.classification role ML.CHURN_MODEL!mladmin to role &{role_scientist};

create or replace table ML.TRAINING_PREDICTIONS copy grants
    comment = 'One row per row learnt from; for the threshold and the scale, not to judge the model by'
as
with predicted as (
    select
        churned,
        ML.CHURN_MODEL!PREDICT(INPUT_DATA => {* exclude (churned)}) as prediction
    from ML.TRAINING_DATA
)

select
    churned,
    cast(get_ignore_case(prediction['probability'], 'true') as double) as churn_probability
from predicted;
grant select on table ML.TRAINING_PREDICTIONS to role &{role_scientist};

-- The only place of these four numbers: 75 % of the training population score below 40, 92.5 % below 70. A score is a
-- place among customers, not a probability: where a few in a hundred leave, hardly any probability is above one half.
-- Of rows learnt from a model is surer than of others; the shares at the end of 05 say how far that moves the bands.
create or replace table ML.CHURN_SCORE_SCALE copy grants
    comment = 'One row: which probabilities Medium Risk and High Risk begin with, frozen when the model was trained'
as
select
    'snowflake_' || to_varchar(sysdate(), 'YYYYMMDDHH24MISS') as model_version,
    40 as medium_from_score,
    70 as high_from_score,
    percentile_cont(0.75) within group (order by churn_probability) as medium_from_probability,
    percentile_cont(0.925) within group (order by churn_probability) as high_from_probability
from ML.TRAINING_PREDICTIONS;
grant select on table ML.CHURN_SCORE_SCALE to role &{role_scientist};

call ML.CHURN_MODEL!SHOW_TRAINING_LOGS();
