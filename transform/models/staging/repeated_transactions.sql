{{ config(materialized=appended_table(), incremental_strategy="append") }}
-- Which row of a transaction that arrived more than once is kept: the first by batch and line. Hashes find the few that
-- may be repeated, because a hash takes far less memory than an id; the ids then tell. Where facts are carried from the
-- published build, so is what was found before.
with source as (
    select
        transaction_id,
        _batch_id,
        _line,
        {{ hash_of('transaction_id') }} as id_hash
    from {{ source('bronze', 'transactions_to_build') }}
    where transaction_id is not null
),

suspects as (
    select id_hash
    from source
    group by id_hash
    having count(*) > 1
),

numbered as (
    select
        source.transaction_id,
        source._batch_id as kept_batch_id,
        source._line as kept_line,
        row_number() over (partition by source.transaction_id order by source._batch_id, source._line) as occurrence,
        count(*) over (partition by source.transaction_id) as occurrences
    from source
    inner join suspects on source.id_hash = suspects.id_hash
),

final as (
    select
        transaction_id,
        kept_batch_id,
        kept_line
    from numbered
    where occurrence = 1 and occurrences > 1 and {{ is_not_carried('transaction_id') }}
)

select * from final
