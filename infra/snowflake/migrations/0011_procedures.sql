-- Put a job in the queue, tidy the queue, and add up a day.
-- requires: role SYSADMIN; emulator: parsed only
use database &{database};

create or replace procedure OPS.CREATE_JOB(
    job_name varchar, job_type varchar, created_by varchar, input_data variant, priority integer
)
returns varchar
language sql
comment = 'Queue a job and return its id; 1 is the highest priority'
execute as owner
as
$$
declare
    job_id varchar default uuid_string();
    unknown_priority exception (-20001, 'A priority is a whole number from 1 (first) to 9 (last).');
begin
    if (priority is null or priority not between 1 and 9) then
        raise unknown_priority;
    end if;
    insert into OPS.JOBS (job_id, job_name, job_type, created_by, input_data, priority)
        select :job_id, :job_name, :job_type, :created_by, :input_data, :priority;
    return job_id;
end;
$$;

create or replace procedure OPS.CLEAN_UP_JOBS(keep_days integer, stuck_hours integer)
returns varchar
language sql
comment = 'Drop jobs that ended so many days ago, and queue again those whose worker fell silent'
execute as owner
as
$$
begin
    delete from OPS.JOB_EVENTS where job_id in (
        select job_id from OPS.JOBS
        where status in ('succeeded', 'failed', 'cancelled') and finished_at < dateadd(day, -1 * :keep_days, sysdate())
    );
    delete from OPS.JOBS
        where status in ('succeeded', 'failed', 'cancelled') and finished_at < dateadd(day, -1 * :keep_days, sysdate());
    update OPS.JOBS
        set status = 'queued', worker = null, started_at = null
        where status = 'running' and started_at < dateadd(hour, -1 * :stuck_hours, sysdate());
    return 'done; ' || sqlrowcount || ' jobs queued again';
end;
$$;

create or replace procedure OPS.ROLL_UP_DAILY_METRICS(metric_date date)
returns varchar
language sql
comment = 'Add up one day of jobs, batches and builds; running it again changes nothing'
execute as owner
as
$$
begin
    merge into OPS.DAILY_METRICS as kept
    using (
        select :metric_date as metric_date, 'jobs_' || status as metric_name, count(*) as metric_value
        from OPS.JOBS
        where cast(created_at as date) = :metric_date
        group by status
        union all
        select :metric_date, 'batches_landed', count(*)
        from OPS.BATCHES
        where cast(landed_at as date) = :metric_date
        union all
        select :metric_date, 'builds_' || status, count(*)
        from OPS.BUILDS
        where cast(started_at as date) = :metric_date
        group by status
    ) as added
    on kept.metric_date = added.metric_date and kept.metric_name = added.metric_name
    when matched then update set metric_value = added.metric_value
    when not matched then insert (metric_date, metric_name, metric_value)
        values (added.metric_date, added.metric_name, added.metric_value);
    return 'done';
end;
$$;
