-- Says who runs the files, and where, before anything is made.
-- requires: role SYSADMIN; emulator: parsed only
select
    current_version() as version,
    current_account() as account,
    current_region() as region,
    current_user() as user_name,
    current_role() as role_name;
show parameters like 'TIMEZONE' in session;
show roles;
show warehouses;
