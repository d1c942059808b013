-- Which rejected rows were corrected and landed anew, and what was set.
-- requires: role SYSADMIN; emulator: runs
use database &{database};

create table if not exists BRONZE.CORRECTIONS (
    reject_id varchar,
    table_name varchar,
    batch_id varchar,
    source_line bigint,
    source_file varchar,
    sha256 varchar,
    first_source_file varchar,
    first_sha256 varchar,
    reason_code varchar,
    reject_reason varchar,
    changes varchar,
    corrected_at timestamp_ntz,
    _line bigint not null,
    _invalid varchar,
    _source_file varchar not null,
    _batch_id varchar not null,
    _loaded_at timestamp_ntz not null
) comment = 'One row per rejected row that somebody corrected and landed anew; quarantine replay lands it, no dataset does';

create or replace view RAW_DATA.CORRECTIONS copy grants as select * from BRONZE.CORRECTIONS;
