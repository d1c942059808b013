{{ config(schema='processed_data', alias='daily_metrics') }}
select * from {{ ref('daily_metrics') }}
