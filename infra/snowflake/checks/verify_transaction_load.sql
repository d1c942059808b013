-- Transactions that did not land as their manifests say; no rows: all is well.
use database &{database};

with expected as (
    select
        batch_id,
        cast(tables:transactions:rows as bigint) as row_count
    from OPS.BATCHES
    where tables:transactions is not null
),

landed as (
    select
        _batch_id as batch_id,
        count(*) as row_count,
        count(transaction_id) as keys,
        count(distinct _source_file || ':' || _line) as lines
    from BRONZE.TRANSACTIONS
    group by _batch_id
)

select
    coalesce(expected.batch_id, landed.batch_id) as batch_id,
    'rows differ from the manifest' as problem,
    coalesce(expected.row_count, 0) as expected,
    coalesce(landed.row_count, 0) as found
from expected
full outer join landed on expected.batch_id = landed.batch_id
where coalesce(expected.row_count, 0) <> coalesce(landed.row_count, 0)
union all
select
    batch_id,
    'rows without a key' as problem,
    0 as expected,
    row_count - keys as found
from landed
where keys < row_count
union all
select
    batch_id,
    'lines landed twice' as problem,
    0 as expected,
    row_count - lines as found
from landed
where lines < row_count;
