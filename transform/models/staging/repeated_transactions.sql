{{ config(materialized=appended_table(), incremental_strategy="append") }}
-- Which row of a transaction that arrived more than once is kept: the first by batch and line, a correction last; what
-- corrections set aside does not count. Hashes find the few that may be repeated, because a hash takes far less memory
-- than an id; the ids then tell. Where facts are carried from the published build, so is what was found before.
with landed as (
    {{ bronze_rows('transactions', relation='transactions_to_build') }}
),

source as (
    select
        transaction_id,
        _batch_id,
        _line,
        is_correction,
        {{ hash_of('transaction_id') }} as id_hash
    from landed
    where transaction_id is not null and not is_set_aside
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
        row_number() over (
            partition by source.transaction_id
            order by source.is_correction, source._batch_id, source._line
        ) as occurrence,
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
