-- What churn models said of the customers, build by build, so that it can be held against what became of them.
-- requires: role SYSADMIN; emulator: runs
use database &{database};

create table if not exists BRONZE.CHURN_SCORES (
    customer_id varchar,
    model_version varchar,
    churn_probability double,
    churn_risk_score integer,
    churn_risk_category varchar,
    as_of_date date,
    _line bigint not null,
    _invalid varchar,
    _source_file varchar not null,
    _batch_id varchar not null,
    _loaded_at timestamp_ntz not null
) comment = 'One row per scored customer and as-of date of a published build; builds land it, no dataset does';

create or replace view RAW_DATA.CHURN_SCORES copy grants as select * from BRONZE.CHURN_SCORES;
