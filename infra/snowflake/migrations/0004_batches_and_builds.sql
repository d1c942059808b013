-- What landed, what was built, which build is read, and who may write.
-- requires: role SYSADMIN; emulator: runs
use database &{database};

create table if not exists OPS.BATCHES (
    batch_id varchar not null,
    dataset varchar not null,
    source varchar not null,
    sha256 varchar(64) not null,
    bytes bigint not null,
    mapping_sha256 varchar not null,
    row_count bigint not null,
    duplicate_rows bigint,
    tables variant not null,
    landed_at timestamp_ntz not null,
    supersedes varchar,
    superseded_by varchar,
    transactions_dropped_on date,
    primary key (batch_id)
) comment = 'One row per landed batch: its manifest. The row is written after the COPY of each table, in one transaction';

create table if not exists OPS.BUILDS (
    build_id varchar not null,
    status varchar not null,
    started_at timestamp_ntz not null,
    finished_at timestamp_ntz,
    as_of_date date,
    record variant not null,
    primary key (build_id)
) comment = 'One row per build; record is what build.json says';

create table if not exists OPS.CURRENT_BUILD (
    build_id varchar,
    published_at timestamp_ntz
) comment = 'Exactly one row: the build that is read. Publishing is one UPDATE of it';

-- The row is there from the start, so that publishing and going back are the same single UPDATE.
insert into OPS.CURRENT_BUILD (build_id, published_at)
select null, null
where not exists (select 1 from OPS.CURRENT_BUILD);

create table if not exists OPS.LEASES (
    name varchar not null,
    holder varchar,
    acquired_at timestamp_ntz,
    expires_at timestamp_ntz,
    primary key (name)
) comment = 'One row per thing that only one process may do. Keys are not enforced, so a lease is taken by UPDATE alone';

insert into OPS.LEASES (name)
select 'writer'
where not exists (select 1 from OPS.LEASES where name = 'writer');
