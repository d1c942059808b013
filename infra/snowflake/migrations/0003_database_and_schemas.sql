-- The database, its lasting schemas, and the record of which file ran when.
-- requires: role SYSADMIN; emulator: runs
create database if not exists &{database} comment = 'Customer360';
use database &{database};

-- Tables that stay: what landed, and how the product runs.
create schema if not exists BRONZE comment = 'What landed, append-only; a table per contract';
create schema if not exists OPS comment = 'Batches, builds, the pointer, leases, jobs, what ran';

-- Views only, over the build that the pointer names; a build makes its own schemas, such as GOLD_B20261121T045100_AB12.
create schema if not exists SILVER comment = 'Views of the published build: typed and clean';
create schema if not exists GOLD comment = 'Views of the published build: star schema and marts';
create schema if not exists MONITORING comment = 'Views of the published build: how it was made';
create schema if not exists REPORTING comment = 'Views of the published build: dashboards';
create schema if not exists API comment = 'Views of the published build: the tables of the API';
create schema if not exists RAW_DATA comment = 'Views of BRONZE and OPS under the names of the platform';
create schema if not exists PROCESSED_DATA comment = 'Views of the published build under the names of the platform';

create table if not exists OPS.SCHEMA_MIGRATIONS (
    name varchar not null,
    sha256 varchar(64) not null,
    outcome varchar not null,
    seconds float not null,
    applied_at timestamp_ntz not null default sysdate(),
    applied_by varchar not null default current_user()
) comment = 'One row per time a file ran to its end; outcome is applied, or parsed only on the emulator';
