-- Who was in which segment from when to when, as far as builds were published: what they found lies in bronze.
with snapshots as (
    select
        customer_id,
        customer_segment,
        as_of_date
    from {{ source('bronze', 'segment_snapshots') }}
    where as_of_date < {{ as_of_date() }}
),

figures as (
    select * from {{ ref('int_customer_segment_figures') }}
),

seen as (
    select
        customer_id,
        customer_segment,
        as_of_date
    from snapshots
    union all
    select
        customer_id,
        customer_segment,
        {{ as_of_date() }} as as_of_date
    from figures
),

compared as (
    select
        *,
        lag(customer_segment) over (partition by customer_id order by as_of_date) as segment_before,
        max(as_of_date) over (partition by customer_id) as last_seen
    from seen
),

entries as (
    select
        customer_id,
        customer_segment,
        segment_before as previous_segment,
        as_of_date as valid_from,
        lead(as_of_date) over (partition by customer_id order by as_of_date) as valid_to,
        last_seen
    from compared
    where segment_before is distinct from customer_segment
),

final as (
    select
        customer_id,
        customer_segment,
        previous_segment,
        valid_from,
        valid_to,
        valid_to is null and last_seen = {{ as_of_date() }} as is_current
    from entries
)

select * from final
order by customer_id, valid_from
