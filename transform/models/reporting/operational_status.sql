with runs as (
    select * from {{ ref('job_monitoring') }}
),

reconciliation as (
    select * from {{ ref('row_reconciliation') }}
),

profiles as (
    select max(last_transaction_date) as newest from {{ ref('customer_360_profile') }}
),

alerts as (
    select count(*) as open_alerts
    from {{ source('monitoring', 'alerts') }}
    where resolved_at is null
),

final as (
    select
        'pipeline: ' || kind as component,
        case when last_status = 'failed' then 'down' else 'up' end as status,
        'last run ' || last_status || ', ' || cast(runs as varchar) || ' runs' as detail
    from runs
    union all
    select
        'reconciliation: ' || table_name as component,
        case when bronze_rows = silver_rows + rejected_rows then 'up' else 'down' end as status,
        cast(rejected_rows as varchar) || ' of ' || cast(bronze_rows as varchar) || ' rows rejected' as detail
    from reconciliation
    union all
    select
        'freshness' as component,
        case
            when newest >= {{ add_days(as_of_date(), 0 - var('recency_active_days')) }} then 'up'
            else 'down'
        end as status,
        'newest transaction of a customer ' || coalesce({{ day_as_text('newest') }}, 'none') as detail
    from profiles
    union all
    select
        'alerts' as component,
        case when open_alerts = 0 then 'up' else 'degraded' end as status,
        cast(open_alerts as varchar) || ' open' as detail
    from alerts
)

select * from final
