-- What the model learns from, is judged by and scores: views of the build's features, and what in them is unfit.
-- requires: role SYSADMIN; emulator: parsed only
-- Never executed: no account was ever used.
-- Features are not computed a second time: GOLD.ML_TRAINING_DATA and GOLD.CHURN_FEATURES are dbt models of each build,
-- in which every feature was known at its cutoff. The function learns from every column but the target, so the names of
-- customer, cutoff and split stay out. It takes strings, numbers, booleans and TIMESTAMP_NTZ.
-- A view keeps the columns it was made with: run this again when a build has other features, as RETRAIN does.
-- https://docs.snowflake.com/en/sql-reference/classes/classification/commands/create-classification
use database &{database};

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
grant select on view ML.TRAINING_DATA to role &{role_scientist};

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
grant select on view ML.HOLDOUT_DATA to role &{role_scientist};

-- The newest cutoff is the as-of date of the build: what comes after it, nobody knows yet.
create or replace view ML.CUSTOMERS_TO_SCORE copy grants
    comment = 'One row per customer to be scored as of the date of the published build'
as
select *
from GOLD.CHURN_FEATURES
where eligibility = 'Eligible' and cutoff_date = (select max(cutoff_date) from GOLD.CHURN_FEATURES);
grant select on view ML.CUSTOMERS_TO_SCORE to role &{role_scientist};

-- Columns that give the label away, name a row or say how the rows were split; and types that the function refuses.
create or replace view ML.UNFIT_COLUMNS copy grants
    comment = 'One row per column that the model must not be given; no rows: all is well'
as
with given as (
    select
        column_name,
        case
            when upper(column_name) in (
                'CUSTOMER_ID', 'CUTOFF_DATE', 'CUTOFF_NUMBER', 'SPLIT', 'ELIGIBILITY', 'CHURN_REASON', 'DECLINE_TYPE',
                'SEED_SEGMENT', 'BASELINE_SPEND', 'RECENT_SPEND', 'DAYS_INACTIVE', 'CHURN_PROBABILITY',
                'CHURN_RISK_SCORE', 'CHURN_RISK_CATEGORY'
            ) then 'barred'
            when upper(data_type) not in ('TEXT', 'NUMBER', 'FLOAT', 'BOOLEAN', 'TIMESTAMP_NTZ')
                then 'of a type that the function refuses: ' || data_type
        end as reason
    from information_schema.columns
    where upper(table_schema) = 'ML' and upper(table_name) = 'TRAINING_DATA'
)

select column_name, reason
from given
where reason is not null;

select * from ML.UNFIT_COLUMNS;
