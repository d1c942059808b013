-- The semantic model that each build is read with, and how far the lasting views have followed the pointer.
-- requires: role SYSADMIN; emulator: runs
use database &{database};

alter table OPS.BUILDS add column if not exists semantic_model varchar;
alter table OPS.CURRENT_BUILD add column if not exists views_build_id varchar;
