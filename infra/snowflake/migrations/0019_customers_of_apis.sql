-- Customers as sources behind APIs gave them, and the same under the name of the platform.
-- requires: role SYSADMIN; emulator: runs
use database &{database};

create table if not exists BRONZE.API_CUSTOMERS (
    source_system varchar,
    source_customer_id varchar,
    first_name varchar,
    last_name varchar,
    email varchar,
    avatar varchar,
    payload varchar,
    page bigint,
    fetched_at timestamp_ntz,
    run_id varchar,
    _line bigint not null,
    _invalid varchar,
    _source_file varchar not null,
    _batch_id varchar not null,
    _loaded_at timestamp_ntz not null
) comment = 'One row per time a source behind an API gives a customer';

create or replace view RAW_DATA.API_CUSTOMERS copy grants as select * from BRONZE.API_CUSTOMERS;
