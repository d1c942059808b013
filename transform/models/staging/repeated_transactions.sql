{{ config(materialized="table") }}
-- Which row of a transaction that arrived more than once is kept: the first by batch and line.
with source as (
    select * from {{ source('bronze', 'transactions') }}
),

repeated as (
    select transaction_id
    from source
    where transaction_id is not null
    group by transaction_id
    having count(*) > 1
),

numbered as (
    select
        source.transaction_id,
        source._batch_id as kept_batch_id,
        source._line as kept_line,
        row_number() over (partition by source.transaction_id order by source._batch_id, source._line) as occurrence
    from source
    inner join repeated on source.transaction_id = repeated.transaction_id
),

final as (
    select
        transaction_id,
        kept_batch_id,
        kept_line
    from numbered
    where occurrence = 1
)

select * from final
