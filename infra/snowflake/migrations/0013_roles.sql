-- The roles; what each may do is in permissions.yml.
-- requires: role USERADMIN; emulator: parsed only
create role if not exists &{role_service} comment = 'The product itself: lands, builds, publishes, answers';
create role if not exists &{role_engineer} comment = 'Makes and repairs the data: reads everything, changes nothing';
create role if not exists &{role_analyst} comment = 'Asks: the published tables and reports';
create role if not exists &{role_scientist} comment = 'Trains models: the published tables down to silver';

grant role &{role_service} to role SYSADMIN;
grant role &{role_engineer} to role SYSADMIN;
grant role &{role_analyst} to role SYSADMIN;
grant role &{role_scientist} to role SYSADMIN;
