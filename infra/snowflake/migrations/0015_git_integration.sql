-- The project's repository inside Snowflake, so that a worksheet can run its files.
-- requires: role ACCOUNTADMIN; optional: git; emulator: parsed only
use database &{database};

create api integration if not exists &{database}_GIT
    api_provider = git_https_api
    api_allowed_prefixes = ('&{git_origin}')
    enabled = true;

create git repository if not exists OPS.PROJECT
    api_integration = &{database}_GIT
    origin = '&{git_origin}';

alter git repository OPS.PROJECT fetch;
