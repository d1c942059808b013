-- REFRESH_CHURN_PREDICTIONS scores everybody anew, RETRAIN_CHURN_MODEL trains first; a task for each, left suspended.
-- requires: role SYSADMIN; emulator: parsed only
-- Never executed: no account was ever used. The statements inside are those of 02 to 05, and a test holds them equal.
-- Both run with the rights of their caller, in the database that is in use (a task's own): a reference to a view passes
-- on the rights of the role that makes it. Nobody else is given them: who trains owns the schema.
-- https://docs.snowflake.com/en/sql-reference/sql/create-procedure
-- https://docs.snowflake.com/en/sql-reference/functions/system_reference
-- https://docs.snowflake.com/en/sql-reference/sql/create-task
use database &{database};

create or replace procedure ML.REFRESH_CHURN_PREDICTIONS()
returns varchar
language sql
comment = 'Score every customer of the published build with the model in use, unless it is not to be trusted'
execute as caller
as
$$
declare
    not_usable exception (-20002, 'The scores stay as they were: ML.HOLDOUT_METRICS says why the model is not usable.');
    usable integer;
    scored_customers integer;
begin
    usable := (select count_if(is_usable) from ML.HOLDOUT_METRICS);
    if (usable = 0) then
        raise not_usable;
    end if;

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

    scored_customers := (select count(churn_risk_score) from ML.CHURN_PREDICTIONS);
    return 'done; ' || scored_customers || ' customers scored';
end;
$$;

-- A training replaces the model in use: models cannot be changed, and the one before is gone. Where the new one is not
-- usable, the scores stay as they were.
create or replace procedure ML.RETRAIN_CHURN_MODEL()
returns varchar
language sql
comment = 'Train on what the published build has, judge on its holdout, score everybody'
execute as caller
as
$$
declare
    unfit_columns exception (-20003, 'Nothing was trained: ML.UNFIT_COLUMNS names what the model must not be given.');
    unfit integer;
    refreshed varchar;
begin
    create or replace view ML.TRAINING_DATA copy grants
        comment = 'One row per eligible customer and cutoff to learn from: the features, and whether they left'
    as
    select * exclude (customer_id, cutoff_date, split)
    from GOLD.ML_TRAINING_DATA as examples
    where
        examples.split = 'train'
        and exists (
            select 1 from ML.CHURN_LABELS as labels
            where labels.customer_id = examples.customer_id and labels.cutoff_date = examples.cutoff_date
        );

    create or replace view ML.HOLDOUT_DATA copy grants
        comment = 'One row per eligible customer at the cutoff held out, which is later than those learnt from'
    as
    select * exclude (split)
    from GOLD.ML_TRAINING_DATA as examples
    where
        examples.split = 'holdout'
        and exists (
            select 1 from ML.CHURN_LABELS as labels
            where labels.customer_id = examples.customer_id and labels.cutoff_date = examples.cutoff_date
        );

    create or replace view ML.CUSTOMERS_TO_SCORE copy grants
        comment = 'One row per customer to be scored as of the date of the published build'
    as
    select *
    from GOLD.CHURN_FEATURES
    where eligibility = 'Eligible' and cutoff_date = (select max(cutoff_date) from GOLD.CHURN_FEATURES);

    unfit := (select count(*) from ML.UNFIT_COLUMNS);
    if (unfit > 0) then
        raise unfit_columns;
    end if;

    -- Until the last table below is there, ML.HOLDOUT_METRICS has no AUC: no refresh uses a training that was cut off.
    truncate table if exists ML.HOLDOUT_PREDICTIONS;

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

    call ML.REFRESH_CHURN_PREDICTIONS() into :refreshed;
    return 'trained; ' || refreshed;
end;
$$;

-- A task is made suspended, and nothing here wakes it. ALTER TASK … RESUME does, once SYSADMIN may execute tasks, which
-- 0017_resume_tasks grants.
create task if not exists ML.RETRAIN_CHURN_MODEL_TASK
    warehouse = &{warehouse}
    schedule = 'using cron 0 4 1 * * UTC'
    comment = 'Train anew on the first of each month'
    as
    call ML.RETRAIN_CHURN_MODEL();

create task if not exists ML.REFRESH_CHURN_PREDICTIONS_TASK
    warehouse = &{warehouse}
    schedule = 'using cron 0 6 * * * UTC'
    comment = 'Score everybody anew each day'
    as
    call ML.REFRESH_CHURN_PREDICTIONS();
