-- The warehouse that runs every statement of the product; it sleeps after a minute.
-- requires: role SYSADMIN; emulator: parsed only
create warehouse if not exists &{warehouse}
    warehouse_size = xsmall
    auto_suspend = 60
    auto_resume = true
    initially_suspended = true
    statement_timeout_in_seconds = 14400
    comment = 'Customer360';
use warehouse &{warehouse};
