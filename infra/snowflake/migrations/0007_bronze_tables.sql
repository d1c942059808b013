-- A table per contract of bronze, append-only; tests hold columns and types equal to lake/contracts.py.
-- requires: role SYSADMIN; emulator: runs
use database &{database};

-- A value that does not fit its type is null in its column and kept in _invalid: only provenance is never null.
-- There are no indexes on Snowflake; transactions are clustered by the day that every window filters on.

create table if not exists BRONZE.CUSTOMERS (
    customer_id varchar,
    observed_at timestamp_ntz,
    first_name varchar,
    last_name varchar,
    email varchar,
    age integer,
    country varchar,
    state varchar,
    city varchar,
    employment_status varchar,
    customer_type varchar,
    card_type varchar,
    credit_limit decimal(12,2),
    account_open_date date,
    seed_segment varchar,
    decline_type varchar,
    _line bigint not null,
    _invalid varchar,
    _source_file varchar not null,
    _batch_id varchar not null,
    _loaded_at timestamp_ntz not null
) comment = 'One row per time a source states what it knows of a customer';

create table if not exists BRONZE.CUSTOMER_CHANGES (
    change_id varchar,
    customer_id varchar,
    effective_at timestamp_ntz,
    attribute varchar,
    old_value varchar,
    new_value varchar,
    _line bigint not null,
    _invalid varchar,
    _source_file varchar not null,
    _batch_id varchar not null,
    _loaded_at timestamp_ntz not null
) comment = 'One row per dated change of one attribute of a customer';

create table if not exists BRONZE.TRANSACTIONS (
    transaction_id varchar,
    customer_id varchar,
    order_id varchar,
    product_id varchar,
    merchant_category_id varchar,
    merchant_name varchar,
    transaction_date date,
    transaction_at timestamp_ntz,
    transaction_amount decimal(18,4),
    quantity integer,
    unit_price decimal(18,4),
    transaction_type varchar,
    channel varchar,
    status varchar,
    currency varchar,
    source_system varchar,
    _line bigint not null,
    _invalid varchar,
    _source_file varchar not null,
    _batch_id varchar not null,
    _loaded_at timestamp_ntz not null
) cluster by (transaction_date) comment = 'One row per transaction, or per line of an order';

create table if not exists BRONZE.MERCHANT_CATEGORIES (
    category_id varchar,
    category_name varchar,
    category_group varchar,
    parent_category varchar,
    is_discretionary boolean,
    is_travel boolean,
    is_necessity boolean,
    _line bigint not null,
    _invalid varchar,
    _source_file varchar not null,
    _batch_id varchar not null,
    _loaded_at timestamp_ntz not null
) comment = 'One row per category code of the source';

create table if not exists BRONZE.PRODUCTS (
    product_id varchar,
    source_product_id varchar,
    product_name varchar,
    category varchar,
    type varchar,
    attributes varchar,
    launch_date date,
    end_date date,
    _line bigint not null,
    _invalid varchar,
    _source_file varchar not null,
    _batch_id varchar not null,
    _loaded_at timestamp_ntz not null
) comment = 'One row per time a source names a product';

create table if not exists BRONZE.CUSTOMER_PRODUCTS (
    customer_id varchar,
    product_id varchar,
    relationship_type varchar,
    start_date date,
    end_date date,
    balance decimal(18,4),
    _line bigint not null,
    _invalid varchar,
    _source_file varchar not null,
    _batch_id varchar not null,
    _loaded_at timestamp_ntz not null
) comment = 'One row per time a customer held a product';

create table if not exists BRONZE.SEGMENT_SNAPSHOTS (
    customer_id varchar,
    customer_segment varchar,
    as_of_date date,
    _line bigint not null,
    _invalid varchar,
    _source_file varchar not null,
    _batch_id varchar not null,
    _loaded_at timestamp_ntz not null
) comment = 'One row per customer and as-of date of a published build; builds land it, no dataset does';
