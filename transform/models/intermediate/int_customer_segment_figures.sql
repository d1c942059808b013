-- The figures that decide a segment, and the first rule that holds, in the order of the contract (X.7). A figure that
-- the dataset cannot have (travel, necessities) makes its rule not hold. Who left longer ago than both windows has no
-- change to decline by and falls to the last segment; recency_status tells those apart.
with customers as (
    select * from {{ ref('int_customer_versions') }}
    where is_current
),

summary as (
    select * from {{ ref('int_customer_transaction_summary') }}
),

figures as (
    select
        customers.customer_id,
        coalesce(customers.account_open_date, summary.first_transaction_date) as member_since,
        coalesce(summary.spend_last_90_days, 0) as spend_last_90_days,
        coalesce(summary.spend_prior_90_days, 0) as spend_prior_90_days,
        {{ money_per('coalesce(summary.spend_last_90_days, 0)', 3) }} as avg_monthly_spend_90_days,
        {{ percent('summary.travel_spend_last_90_days', 'summary.spend_last_90_days') }} as travel_pct_90_days,
        {{ percent('summary.necessities_spend_last_90_days', 'summary.spend_last_90_days') }}
            as necessities_pct_90_days
    from customers
    left join summary on customers.customer_id = summary.customer_id
),

aged as (
    select
        *,
        cast({{ months_between('member_since', as_of_date()) }} as integer) as tenure_months,
        coalesce(member_since > {{ add_months(as_of_date(), 0 - var('new_customer_months')) }}, true) as is_new,
        case
            when spend_prior_90_days > 0
                then {{ percent('(spend_last_90_days - spend_prior_90_days)', 'spend_prior_90_days') }}
        end as spend_change_pct
    from figures
),

final as (
    select
        *,
        {{ segment_of(
            'spend_change_pct', 'is_new', 'avg_monthly_spend_90_days', 'travel_pct_90_days', 'necessities_pct_90_days'
        ) }} as customer_segment
    from aged
)

select * from final
