-- What is known of how customers deal with the company: from what they did where they have transactions, from where
-- they live, and for customers of sources behind APIs drawn by weight where nothing is known.
-- noqa: disable=LT02
{%- set weights = var('simulated_weights') %}
with customers as (
    select * from {{ ref('int_customer_versions') }}
    where is_current
),

summary as (
    select * from {{ ref('int_customer_transaction_summary') }}
),

quality as (
    select * from {{ ref('customer_quality') }}
),

identities as (
    select
        *,
        row_number() over (
            partition by customer_id order by first_seen_at, source_system, source_customer_id
        ) as place
    from {{ ref('int_api_customers') }}
    where is_latest
),

behaviour as (
    select
        customer_id,
        transactions_last_90_days,
        days_since_last_transaction,
        100 * percent_rank() over (order by transactions_last_90_days) as activity_percentile,
        100 * percent_rank() over (order by lifetime_value) as value_percentile
    from summary
),

derived as (
    select
        customer_id,
        case
            when transactions_last_90_days = 0 then 'low'
            when activity_percentile >= {{ var('engagement_high_percentile') }} then 'high'
            when activity_percentile >= {{ var('engagement_medium_percentile') }} then 'medium'
            else 'low'
        end as engagement_level,
        case
            when days_since_last_transaction <= {{ var('recency_at_risk_days') }} then 'active' else 'inactive'
        end as activity_status,
        case
            when value_percentile >= {{ var('tier_enterprise_percentile') }} then 'enterprise'
            when value_percentile >= {{ var('tier_premium_percentile') }} then 'premium'
            else 'basic'
        end as customer_tier
    from behaviour
),

drawn as (
    select
        customer_id,
        {%- for field in weights %}
        {{ drawn_value(field, 'source_customer_id') }} as {{ field }}{{ ',' if not loop.last }}
        {%- endfor %}
    from identities
    where place = 1
),

carts as (
    select
        *,
        row_number() over (
            partition by source_system, source_cart_id order by run_id desc, fetched_at desc, _batch_id desc, _line desc
        ) as place,
        max(run_id) over (partition by source_system) as newest_run_id
    from {{ ref('stg_api_carts') }}
),

open_carts as (
    select
        identities.customer_id,
        cast(count(*) as bigint) as open_cart_count,
        {{ money('sum(carts.total_amount)') }} as open_cart_value
    from carts
    inner join identities
        on
            carts.source_system = identities.source_system
            and carts.source_customer_id = identities.source_customer_id
    where carts.place = 1 and carts.run_id = carts.newest_run_id
    group by identities.customer_id
),

-- A company without baskets has no count of them, rather than none each.
known as (
    select count(*) > 0 as has_carts from open_carts
),

joined as (
    select
        customers.customer_id,
        coalesce(derived.engagement_level, drawn.engagement_level) as engagement_level,
        coalesce(derived.activity_status, drawn.activity_status) as activity_status,
        drawn.acquisition_channel,
        coalesce(customers.market_segment, drawn.market_segment) as market_segment,
        coalesce(derived.customer_tier, drawn.customer_tier) as customer_tier,
        quality.data_quality_score,
        case when known.has_carts then coalesce(open_carts.open_cart_count, 0) end as open_cart_count,
        open_carts.open_cart_value,
        case
            when drawn.customer_id is not null then {{ join_present(', ', [
                "case when derived.customer_id is null then 'engagement_level, activity_status' end",
                "'acquisition_channel'",
                "case when customers.market_segment is null then 'market_segment' end",
                "case when derived.customer_id is null then 'customer_tier' end",
            ]) }}
        end as simulated_fields
    from customers
    cross join known
    left join derived on customers.customer_id = derived.customer_id
    left join drawn on customers.customer_id = drawn.customer_id
    left join quality on customers.customer_id = quality.customer_id
    left join open_carts on customers.customer_id = open_carts.customer_id
    where derived.customer_id is not null or drawn.customer_id is not null
),

final as (
    select
        *,
        simulated_fields is not null as is_simulated
    from joined
)

select * from final
order by customer_id
