-- The three tasks; they are made asleep, and 0017_resume_tasks wakes them.
-- requires: role SYSADMIN; emulator: parsed only
use database &{database};

create task if not exists OPS.JOB_PROCESSOR_TASK
    warehouse = &{warehouse}
    schedule = '1 minute'
    comment = 'Say of each new job that it waits; workers take jobs from OPS.JOBS themselves'
    when system$stream_has_data('OPS.NEW_JOBS')
    as
    insert into OPS.JOB_EVENTS (job_id, event, detail)
    select job_id, 'queued', object_construct('priority', priority) from OPS.NEW_JOBS;

create task if not exists OPS.JOB_CLEANUP_TASK
    warehouse = &{warehouse}
    schedule = 'using cron 30 3 * * * UTC'
    comment = 'Drop jobs that ended 30 days ago, and free those whose worker fell silent'
    as
    call OPS.CLEAN_UP_JOBS(30, 6);

create task if not exists OPS.DAILY_METRICS_TASK
    warehouse = &{warehouse}
    schedule = 'using cron 10 0 * * * UTC'
    comment = 'Add up the day before'
    as
    call OPS.ROLL_UP_DAILY_METRICS(dateadd(day, -1, cast(sysdate() as date)));
