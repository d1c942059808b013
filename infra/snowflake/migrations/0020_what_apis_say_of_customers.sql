-- What sources behind APIs say of where a customer lives, baskets that are not bought yet, and why a record is not taken.
-- requires: role SYSADMIN; emulator: runs
use database &{database};

alter table BRONZE.API_CUSTOMERS add column if not exists age integer;
alter table BRONZE.API_CUSTOMERS add column if not exists country varchar;
alter table BRONZE.API_CUSTOMERS add column if not exists state varchar;
alter table BRONZE.API_CUSTOMERS add column if not exists city varchar;
alter table BRONZE.API_CUSTOMERS add column if not exists reject_code varchar;

create table if not exists BRONZE.API_CARTS (
    source_system varchar,
    source_cart_id varchar,
    source_customer_id varchar,
    product_count integer,
    quantity integer,
    total_amount decimal(18, 4),
    payload varchar,
    page bigint,
    fetched_at timestamp_ntz,
    run_id varchar,
    reject_code varchar,
    _line bigint not null,
    _invalid varchar,
    _source_file varchar not null,
    _batch_id varchar not null,
    _loaded_at timestamp_ntz not null
) comment = 'One row per time a source behind an API gives a basket that is not a purchase yet';

create or replace view RAW_DATA.API_CUSTOMERS copy grants as select * from BRONZE.API_CUSTOMERS;
create or replace view RAW_DATA.API_CARTS copy grants as select * from BRONZE.API_CARTS;
