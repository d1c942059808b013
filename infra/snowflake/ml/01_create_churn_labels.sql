-- Who left after each past cutoff, as Snowflake's own model learns it: the schema ML and a view of the build's labels.
-- requires: role SYSADMIN; emulator: parsed only
-- Never executed: no account was ever used. Run by hand, in order of the numbers: docs/snowflake.md says how.
-- Labels are not computed a second time: GOLD.CHURN_LABELS is a dbt model of each build, and the lasting view of that
-- name shows the published one. A label looks at the days after its cutoff; nothing that a model is given does.
-- https://docs.snowflake.com/en/user-guide/ml-functions/classification
use database &{database};

create schema if not exists ML comment = 'What the ML functions of Snowflake made, beside what each build makes itself';
grant usage on schema ML to role &{role_scientist};

create or replace view ML.CHURN_LABELS copy grants
    comment = 'One row per eligible customer and past cutoff of the published build'
as
select
    customer_id,
    cutoff_date,
    eligibility,
    churned,
    churn_reason,
    baseline_spend,
    recent_spend,
    days_inactive
from GOLD.CHURN_LABELS
where eligibility = 'Eligible' and churned is not null;
grant select on view ML.CHURN_LABELS to role &{role_scientist};

select
    cutoff_date,
    count(*) as customers,
    count_if(churned) as leavers,
    100 * count_if(churned) / count(*) as churn_rate_pct
from ML.CHURN_LABELS
group by cutoff_date
order by cutoff_date;
