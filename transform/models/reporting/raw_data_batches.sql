{{ config(schema='raw_data', alias='batches') }}
select * from {{ source('monitoring', 'batches') }}
