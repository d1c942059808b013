-- Jobs that wait or ran, what happened to each, the reports they made, and figures by day.
-- requires: role SYSADMIN; emulator: runs
use database &{database};

create table if not exists OPS.JOBS (
    job_id varchar not null default uuid_string(),
    job_name varchar not null,
    job_type varchar not null,
    created_by varchar not null,
    input_data variant,
    priority integer not null default 5,
    status varchar not null default 'queued',
    attempts integer not null default 0,
    created_at timestamp_ntz not null default sysdate(),
    started_at timestamp_ntz,
    finished_at timestamp_ntz,
    worker varchar,
    error varchar,
    output_uri varchar,
    primary key (job_id)
) comment = 'One row per job; 1 is the highest priority; queued, running, succeeded, failed or cancelled';

create table if not exists OPS.JOB_EVENTS (
    job_id varchar not null,
    event varchar not null,
    detail variant,
    happened_at timestamp_ntz not null default sysdate()
) comment = 'One row per thing that happened to a job';

create table if not exists OPS.REPORTS (
    report_id varchar not null default uuid_string(),
    job_id varchar not null,
    report_type varchar not null,
    period_start date,
    period_end date,
    format varchar not null,
    uri varchar not null,
    bytes bigint not null,
    sha256 varchar(64) not null,
    created_at timestamp_ntz not null default sysdate(),
    expires_at timestamp_ntz,
    primary key (report_id)
) comment = 'One row per report that was written';

create table if not exists OPS.DAILY_METRICS (
    metric_date date not null,
    metric_name varchar not null,
    metric_value float not null,
    primary key (metric_date, metric_name)
) comment = 'One row per day and figure of how the product ran';
