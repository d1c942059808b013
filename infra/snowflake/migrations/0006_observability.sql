-- How builds were made and what was asked, over all builds; each build keeps its own part in MONITORING.
-- requires: role SYSADMIN; emulator: runs
use database &{database};

create table if not exists OPS.PIPELINE_RUNS (
    run_id bigint not null,
    kind varchar not null,
    subject varchar,
    status varchar not null,
    started_at timestamp_ntz not null,
    finished_at timestamp_ntz,
    seconds float
) comment = 'One row per load or build';

create table if not exists OPS.PIPELINE_STEPS (
    build_id varchar not null,
    step_name varchar not null,
    kind varchar,
    status varchar not null,
    started_at timestamp_ntz,
    seconds float,
    failures bigint
) comment = 'One row per step of a build';

create table if not exists OPS.LINEAGE_EDGES (
    build_id varchar not null,
    from_name varchar not null,
    from_kind varchar not null,
    to_name varchar not null,
    to_kind varchar not null
) comment = 'One row per table that another is made of, in a build';

create table if not exists OPS.DATA_QUALITY_RESULTS (
    build_id varchar not null,
    table_name varchar not null,
    rule_name varchar not null,
    category varchar,
    consequence varchar,
    message varchar,
    checked_rows bigint,
    failed_rows bigint,
    passed boolean
) comment = 'One row per rule or test of a build';

create table if not exists OPS.QUERY_PERFORMANCE (
    query_id varchar not null,
    asked_at timestamp_ntz not null,
    source varchar,
    build_id varchar,
    seconds float,
    rows_returned bigint,
    from_cache boolean,
    status varchar
) cluster by (cast(asked_at as date)) comment = 'One row per question that was answered or refused';

create table if not exists OPS.API_METRICS (
    measured_at timestamp_ntz not null,
    route varchar not null,
    method varchar not null,
    status_code integer not null,
    requests bigint not null,
    mean_ms float,
    p95_ms float,
    p99_ms float
) cluster by (cast(measured_at as date)) comment = 'One row per route, method, status and minute';

create table if not exists OPS.ALERTS (
    alert_id bigint not null,
    raised_at timestamp_ntz not null,
    severity varchar not null,
    component varchar not null,
    message varchar not null,
    resolved_at timestamp_ntz
) comment = 'One row per thing a person should look at';

create table if not exists OPS.INGESTION_RUNS (
    run_id bigint not null,
    source_system varchar not null,
    started_at timestamp_ntz not null,
    finished_at timestamp_ntz,
    status varchar not null,
    pages bigint,
    records_fetched bigint,
    records_landed bigint,
    duplicates bigint,
    records_rejected bigint,
    errors bigint
) comment = 'One row per run of a REST source';
