{{ config(indexes=[{"columns": ["customer_id"], "unique": true}]) }}
with customers as (
    select * from {{ ref('dim_customer') }}
    where is_current
),

summary as (
    select * from {{ ref('int_customer_transaction_summary') }}
),

figures as (
    select * from {{ ref('customer_segments') }}
),

holdings as (
    select
        customer_id,
        sum(case when is_active then 1 else 0 end) as product_count
    from {{ ref('fct_customer_products') }}
    group by customer_id
),

-- A dataset without holdings has no count of them, rather than none each.
known as (
    select count(*) > 0 as has_holdings from holdings
),

quality as (
    select * from {{ ref('customer_quality') }}
),

scores as (
    select * from {{ ref('churn_predictions') }}
),

worth as (
    select * from {{ ref('customer_value') }}
),

engagement as (
    select * from {{ ref('customer_engagement') }}
),

joined as (
    select
        customers.*,
        figures.segment_assigned_date,
        figures.preferred_category,
        figures.recency_score,
        figures.frequency_score,
        figures.monetary_score,
        figures.tenure_months,
        case when known.has_holdings then coalesce(holdings.product_count, 0) end as product_count,
        quality.data_quality_score,
        engagement.engagement_level,
        engagement.activity_status,
        engagement.acquisition_channel,
        engagement.customer_tier,
        engagement.market_segment as engagement_market,
        engagement.open_cart_count,
        engagement.open_cart_value,
        engagement.simulated_fields,
        scores.churn_probability,
        scores.churn_risk_score,
        scores.churn_risk_category,
        scores.not_scored_reason,
        worth.probability_alive,
        worth.expected_spend_next_12_months,
        worth.expected_spend_next_12_months_low,
        worth.expected_spend_next_12_months_high,
        worth.expected_margin_next_12_months,
        worth.expected_margin_next_12_months_low,
        worth.expected_margin_next_12_months_high,
        summary.first_transaction_date,
        summary.last_transaction_date,
        summary.days_since_last_transaction,
        coalesce(summary.lifetime_value, 0) as lifetime_value,
        coalesce(summary.total_transactions, 0) as total_transactions,
        coalesce(summary.approved_transactions, 0) as approved_transactions,
        coalesce(summary.declined_transactions, 0) as declined_transactions,
        coalesce(summary.spend_last_90_days, 0) as spend_last_90_days,
        coalesce(summary.spend_prior_90_days, 0) as spend_prior_90_days,
        coalesce(summary.utilization_spend, 0) as utilization_spend,
        coalesce(summary.transactions_last_90_days, 0) as transactions_last_90_days,
        summary.travel_spend,
        summary.necessities_spend,
        summary.order_count,
        summary.order_spend
    from customers
    inner join figures on customers.customer_id = figures.customer_id
    cross join known
    left join holdings on customers.customer_id = holdings.customer_id
    left join quality on customers.customer_id = quality.customer_id
    left join engagement on customers.customer_id = engagement.customer_id
    left join scores on customers.customer_id = scores.customer_id
    left join worth on customers.customer_id = worth.customer_id
    left join summary on customers.customer_id = summary.customer_id
),

measured as (
    select
        customer_id,
        full_name,
        first_name,
        last_name,
        email,
        email_domain,
        {{ search_form(join_present(' ', ['customer_id', 'full_name', 'email'])) }} as search_text,
        age,
        country,
        region,
        state,
        city,
        employment_status,
        customer_type,
        card_type,
        credit_limit,
        account_open_date,
        coalesce(market_segment, engagement_market) as market_segment,
        customer_tier,
        engagement_level,
        activity_status,
        acquisition_channel,
        open_cart_count,
        {{ money('open_cart_value') }} as open_cart_value,
        simulated_fields,
        simulated_fields is not null as is_simulated,
        customer_segment,
        segment_assigned_date,
        tenure_months,
        first_transaction_date,
        last_transaction_date,
        cast(days_since_last_transaction as integer) as days_since_last_transaction,
        case
            when days_since_last_transaction <= {{ var('recency_active_days') }} then 'Active'
            when days_since_last_transaction <= {{ var('recency_recent_days') }} then 'Recent'
            when days_since_last_transaction <= {{ var('recency_at_risk_days') }} then 'At Risk'
            else 'Inactive'
        end as recency_status,
        {{ money('lifetime_value') }} as lifetime_value,
        cast(total_transactions as bigint) as total_transactions,
        cast(declined_transactions as bigint) as declined_transactions,
        {{ money_per('lifetime_value', 'approved_transactions') }} as avg_transaction_value,
        {{ money_per('lifetime_value', "(datediff('month', first_transaction_date, " ~ as_of_date() ~ ") + 1)") }}
            as avg_monthly_spend,
        {{ money('spend_last_90_days') }} as spend_last_90_days,
        {{ money('spend_prior_90_days') }} as spend_prior_90_days,
        case
            when spend_prior_90_days > 0
                then {{ percent('(spend_last_90_days - spend_prior_90_days)', 'spend_prior_90_days') }}
        end as spend_change_pct,
        cast(transactions_last_90_days as bigint) as transactions_last_90_days,
        {{ percent('travel_spend', 'lifetime_value') }} as travel_spend_pct,
        {{ percent('necessities_spend', 'lifetime_value') }} as necessities_spend_pct,
        {{ percent('utilization_spend', 'credit_limit') }} as credit_utilization_pct,
        cast(order_count as bigint) as order_count,
        {{ money_per('order_spend', 'order_count') }} as avg_order_value,
        cast(product_count as bigint) as product_count,
        preferred_category,
        recency_score,
        frequency_score,
        monetary_score,
        data_quality_score,
        churn_probability,
        churn_risk_score,
        coalesce(churn_risk_category, 'Not Scored') as churn_risk_category,
        not_scored_reason as churn_not_scored_reason,
        probability_alive,
        expected_spend_next_12_months,
        expected_spend_next_12_months_low,
        expected_spend_next_12_months_high,
        expected_margin_next_12_months,
        expected_margin_next_12_months_low,
        expected_margin_next_12_months_high
    from joined
),

final as (
    select
        *,
        case
            when travel_spend_pct >= {{ var('travel_offer_pct') }} then 'Traveler'
            when necessities_spend_pct >= {{ var('budget_necessities_pct') }} then 'Essentials'
            when 100 - travel_spend_pct - necessities_spend_pct >= {{ var('profile_discretionary_pct') }}
                then 'Discretionary'
            when travel_spend_pct is not null and necessities_spend_pct is not null then 'Balanced'
        end as spending_profile,
        coalesce(
            spend_change_pct <= -{{ var('retention_drop_pct') }}
            and spend_prior_90_days >= 3 * {{ var('retention_min_monthly_spend') }}, false
        ) as eligible_for_retention,
        card_type = 'Standard'
        and credit_utilization_pct >= {{ var('upgrade_min_utilization_pct') }}
        and tenure_months >= {{ var('upgrade_min_tenure_months') }} as eligible_for_upgrade,
        travel_spend_pct >= {{ var('travel_offer_pct') }} as eligible_for_travel_offer
    from measured
)

select * from final
order by customer_id
