with runs as (
    select
        *,
        row_number() over (partition by kind order by started_at desc, run_id desc) as place
    from {{ source('monitoring', 'pipeline_runs') }}
),

final as (
    select
        kind,
        cast(count(*) as bigint) as runs,
        cast(sum(case when status = 'succeeded' then 1 else 0 end) as bigint) as succeeded_runs,
        cast(sum(case when status = 'failed' then 1 else 0 end) as bigint) as failed_runs,
        {{ percent("sum(case when status = 'succeeded' then 1 else 0 end)",
                   "sum(case when status in ('succeeded', 'failed') then 1 else 0 end)") }} as success_rate_pct,
        avg(seconds) as mean_seconds,
        max(seconds) as max_seconds,
        max(started_at) as last_started_at,
        max(case when place = 1 then status end) as last_status
    from runs
    group by kind
)

select * from final
