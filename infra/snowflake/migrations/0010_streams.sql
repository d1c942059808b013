-- What has come since it was last read: new jobs, new batches.
-- requires: role SYSADMIN; emulator: parsed only
use database &{database};

-- Never OR REPLACE: a stream that is replaced forgets how far its reader had come.
create stream if not exists OPS.NEW_JOBS on table OPS.JOBS append_only = true;
create stream if not exists OPS.NEW_BATCHES on table OPS.BATCHES append_only = true;
