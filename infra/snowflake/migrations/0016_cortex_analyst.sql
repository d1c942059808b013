-- Questions in English through Cortex Analyst: who may ask it.
-- requires: role ACCOUNTADMIN; optional: cortex; emulator: parsed only
use database &{database};

grant database role SNOWFLAKE.CORTEX_USER to role &{role_service};
grant database role SNOWFLAKE.CORTEX_USER to role &{role_analyst};
grant database role SNOWFLAKE.CORTEX_USER to role &{role_scientist};
