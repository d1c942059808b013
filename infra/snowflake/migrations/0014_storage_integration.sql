-- Landing from a bucket of the company: the integration and a stage that reads through it.
-- requires: role ACCOUNTADMIN; optional: s3; emulator: parsed only
use database &{database};

create storage integration if not exists &{database}_S3
    type = external_stage
    storage_provider = 'S3'
    enabled = true
    storage_aws_role_arn = '&{s3_role_arn}'
    storage_allowed_locations = ('s3://&{s3_bucket}/')
    comment = 'Customer360: files to land';

-- STORAGE_AWS_IAM_USER_ARN and STORAGE_AWS_EXTERNAL_ID go into the trust of the role in AWS.
describe integration &{database}_S3;

create stage if not exists RAW_DATA.S3_LANDING
    url = 's3://&{s3_bucket}/'
    storage_integration = &{database}_S3
    file_format = (format_name = BRONZE.PARQUET_FILES)
    comment = 'Files of the bucket: customers/, transactions/';
