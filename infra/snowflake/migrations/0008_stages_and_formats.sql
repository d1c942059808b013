-- Where files wait: what lands, semantic models, the pages inside Snowflake, exports.
-- requires: role SYSADMIN; emulator: runs
use database &{database};

create file format if not exists BRONZE.PARQUET_FILES
    type = parquet
    use_logical_type = true;
create file format if not exists BRONZE.CSV_FILES
    type = csv
    parse_header = true
    field_optionally_enclosed_by = '"'
    null_if = ('');

create stage if not exists BRONZE.LANDING
    file_format = (format_name = BRONZE.PARQUET_FILES)
    comment = 'Parquet of batches: <table>/<batch>.parquet, by PUT';
create stage if not exists OPS.SEMANTIC_MODELS
    directory = (enable = true)
    comment = 'Semantic models for Cortex Analyst';
create stage if not exists OPS.STREAMLIT
    directory = (enable = true)
    comment = 'Files of the pages that run inside Snowflake';
create stage if not exists OPS.EXPORTS
    encryption = (type = 'SNOWFLAKE_SSE')
    comment = 'Files that people asked for';
