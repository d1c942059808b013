-- Wakes the three tasks.
-- requires: role ACCOUNTADMIN; optional: tasks; emulator: parsed only
use database &{database};

grant execute task on account to role SYSADMIN;
alter task OPS.JOB_PROCESSOR_TASK resume;
alter task OPS.JOB_CLEANUP_TASK resume;
alter task OPS.DAILY_METRICS_TASK resume;
