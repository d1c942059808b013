-- BRONZE and the jobs under the names of the platform; all batches, replaced ones too.
-- requires: role SYSADMIN; emulator: runs
use database &{database};

create or replace view RAW_DATA.CUSTOMERS copy grants as select * from BRONZE.CUSTOMERS;
create or replace view RAW_DATA.CUSTOMER_CHANGES copy grants as select * from BRONZE.CUSTOMER_CHANGES;
create or replace view RAW_DATA.TRANSACTIONS copy grants as select * from BRONZE.TRANSACTIONS;
create or replace view RAW_DATA.MERCHANT_CATEGORIES copy grants as select * from BRONZE.MERCHANT_CATEGORIES;
create or replace view RAW_DATA.PRODUCTS copy grants as select * from BRONZE.PRODUCTS;
create or replace view RAW_DATA.CUSTOMER_PRODUCTS copy grants as select * from BRONZE.CUSTOMER_PRODUCTS;
create or replace view RAW_DATA.SEGMENT_SNAPSHOTS copy grants as select * from BRONZE.SEGMENT_SNAPSHOTS;
create or replace view RAW_DATA.JOBS copy grants as select * from OPS.JOBS;
