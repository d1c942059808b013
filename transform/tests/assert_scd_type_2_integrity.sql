-- Versions of a customer do not overlap, and exactly one is current.
with versions as (
    select
        customer_id,
        valid_from,
        valid_to,
        is_current,
        lead(valid_from) over (partition by customer_id order by valid_from) as next_from,
        sum(case when is_current then 1 else 0 end) over (partition by customer_id) as current_versions
    from {{ ref('dim_customer') }}
)

select *
from versions
where
    valid_to <= valid_from
    or valid_to > next_from
    or current_versions <> 1
    or is_current <> (valid_to is null)
