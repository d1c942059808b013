{{ config(cluster_by=['customer_id']) }}
-- The versions, each with the segment that its customer is in now.
with versions as (
    select * from {{ ref('int_customer_versions') }}
),

segments as (
    select * from {{ ref('customer_segments') }}
),

final as (
    select
        versions.*,
        segments.customer_segment
    from versions
    left join segments on versions.customer_id = segments.customer_id
)

select * from final
order by customer_id, version_number
