-- What corrections make of the rows of bronze. A row that was corrected stays and is set aside, also where its file was
-- mapped anew. A correction is set aside once the file that its row came from first was replaced by another content:
-- then the file speaks for itself again.
with corrections as (
    select * from {{ source('bronze', 'corrections') }}
),

batches as (
    select distinct
        batch_id,
        source,
        sha256
    from {{ source('monitoring', 'batches') }}
),

originals as (
    select
        corrections.table_name,
        batches.batch_id,
        corrections.source_line,
        corrections.reject_reason,
        corrections.reason_code,
        corrections._batch_id as replayed_by_batch_id
    from corrections
    inner join batches
        on corrections.source_file = batches.source and corrections.sha256 = batches.sha256
),

landed as (
    select
        corrections.table_name,
        corrections._batch_id as batch_id,
        corrections._line as source_line,
        batches.batch_id is not null as is_obsolete
    from corrections
    left join batches
        on corrections.first_source_file = batches.source and corrections.first_sha256 <> batches.sha256
),

final as (
    select
        coalesce(originals.table_name, landed.table_name) as table_name,
        coalesce(originals.batch_id, landed.batch_id) as batch_id,
        coalesce(originals.source_line, landed.source_line) as source_line,
        landed.batch_id is not null as is_correction,
        originals.batch_id is not null or landed.is_obsolete as is_set_aside,
        originals.replayed_by_batch_id,
        coalesce(
            originals.reject_reason,
            case when landed.is_obsolete then 'the file that it corrects was replaced' end
        ) as reject_reason,
        coalesce(originals.reason_code, case when landed.is_obsolete then 'file_replaced' end) as reason_code
    from originals
    full outer join landed
        on
            originals.table_name = landed.table_name
            and originals.batch_id = landed.batch_id
            and originals.source_line = landed.source_line
)

select * from final
