-- Where the exported semantic model lies for Cortex Analyst, and who may ask about it: the schema SEMANTIC and a stage.
-- requires: role SYSADMIN; emulator: parsed only
-- Never executed: no account was ever used. Tests run schema, file format and stage on the emulator, which knows no grant.
-- Run by hand, before deploy_semantic_model.sql: docs/semantic-exports.md says how. The right to ask Cortex at all is in
-- migrations/0016_cortex_analyst.sql.
-- https://docs.snowflake.com/en/user-guide/snowflake-cortex/cortex-analyst
use database &{database};

create schema if not exists SEMANTIC comment = 'The semantic model as Cortex Analyst reads it';
create file format if not exists SEMANTIC.WHOLE_FILE
    type = csv
    field_delimiter = none
    record_delimiter = none
    escape_unenclosed_field = none
    comment = 'A file as one text';
create stage if not exists SEMANTIC.MODELS
    directory = (enable = true)
    comment = 'Exports of the semantic model: customer360 semantic export --format snowflake';

grant usage on schema SEMANTIC to role &{role_service};
grant usage on schema SEMANTIC to role &{role_analyst};
grant usage on schema SEMANTIC to role &{role_scientist};
grant read on stage SEMANTIC.MODELS to role &{role_service};
grant read on stage SEMANTIC.MODELS to role &{role_analyst};
grant read on stage SEMANTIC.MODELS to role &{role_scientist};
grant select on future semantic views in schema SEMANTIC to role &{role_service};
grant select on future semantic views in schema SEMANTIC to role &{role_analyst};
grant select on future semantic views in schema SEMANTIC to role &{role_scientist};
