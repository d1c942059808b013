-- The semantic models that a build can be read with besides the first.
-- requires: role SYSADMIN; emulator: runs
use database &{database};

alter table OPS.BUILDS add column if not exists other_models variant;
