with profiles as (
    select * from {{ ref('customer_360_profile') }}
),

final as (
    select
        {{ as_of_date() }} as as_of_date,
        cast(count(*) as bigint) as customers,
        cast(sum(case when recency_status = 'Active' then 1 else 0 end) as bigint) as active_customers,
        cast(sum(case when customer_segment = 'Declining' then 1 else 0 end) as bigint) as declining_customers,
        cast(sum(case when eligible_for_retention then 1 else 0 end) as bigint) as customers_eligible_for_retention,
        {{ money('coalesce(sum(lifetime_value), 0)') }} as lifetime_value,
        {{ money('coalesce(sum(spend_last_90_days), 0)') }} as spend_last_90_days,
        {{ money('coalesce(sum(spend_prior_90_days), 0)') }} as spend_prior_90_days,
        {{ percent('sum(spend_last_90_days - spend_prior_90_days)', 'sum(spend_prior_90_days)') }} as spend_change_pct,
        cast(coalesce(sum(total_transactions), 0) as bigint) as total_transactions,
        {{ percent('sum(declined_transactions)', 'sum(total_transactions)') }} as declined_pct
    from profiles
)

select * from final
