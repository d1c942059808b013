-- What the churn model sees of each customer at each cutoff; all of it was known on that day.
{%- set spend_gained = '(history.spend_last_90_days - history.spend_prior_90_days)' %}
{%- set days_active = days_between('history.first_transaction_date', 'history.last_transaction_date') %}
with history as (
    select * from {{ ref('int_churn_history') }}
),

-- What all customers together spent: a fall that all share is the season's and not the customer's.
company as (
    select
        cutoff_number,
        {{ money('sum(spend_last_90_days)') }} as spend_last_90_days,
        {{ money('sum(spend_prior_90_days)') }} as spend_prior_90_days
    from history
    group by cutoff_number
),

measured as (
    select
        history.*,
        {{ percent('company.spend_last_90_days', 'company.spend_prior_90_days') }} as company_spend_ratio,
        case
            when history.spend_prior_90_days > 0
                then {{ percent(spend_gained, 'history.spend_prior_90_days') }}
        end as spend_change_pct,
        cast({{ months_between('history.member_since', 'history.cutoff_date') }} as integer) as account_tenure_months,
        coalesce(
            history.member_since > {{ add_months('history.cutoff_date', 0 - var('new_customer_months')) }}, true
        ) as is_new,
        {{ money_per('history.spend_last_90_days', 3) }} as avg_monthly_spend_90_days,
        {{ money_per('history.baseline_total', 'history.baseline_months') }} as baseline_monthly_spend,
        case
            when history.has_travel
                then {{ percent('history.travel_spend_last_90_days', 'history.spend_last_90_days') }}
        end as travel_pct_90_days,
        case
            when history.has_necessities
                then {{ percent('history.necessities_spend_last_90_days', 'history.spend_last_90_days') }}
        end as necessities_pct_90_days,
        cast(history.spend_last_90_days + history.spend_prior_90_days as double) / 6 as mean_of_6_months,
        cast({{ days_active }} as double) / nullif(history.active_days - 1, 0) as days_between_active_days
    from history
    inner join company on history.cutoff_number = company.cutoff_number
),

segmented as (
    select
        *,
        {{ segment_of(
            'spend_change_pct', 'is_new', 'avg_monthly_spend_90_days', 'travel_pct_90_days', 'necessities_pct_90_days'
        ) }} as customer_segment
    from measured
),

final as (
    select
        customer_id,
        cutoff_number,
        cutoff_date,
        split,
        eligibility,
        customer_segment,
        age,
        country,
        state,
        employment_status,
        customer_type,
        card_type,
        cast(credit_limit as double) as credit_limit,
        account_tenure_months,
        cast(product_count as integer) as product_count,
        cast(days_since_last_transaction as integer) as days_since_last_transaction,
        case
            when days_since_last_transaction <= {{ var('recency_active_days') }} then 'Active'
            when days_since_last_transaction <= {{ var('recency_recent_days') }} then 'Recent'
            when days_since_last_transaction <= {{ var('recency_at_risk_days') }} then 'At Risk'
            else 'Inactive'
        end as recency_status,
        days_between_active_days,
        days_since_last_transaction / nullif(days_between_active_days, 0) as recency_to_usual_gap,
        transaction_count,
        transactions_last_30_days,
        transactions_last_90_days,
        transactions_prior_90_days,
        {{ percent('(transactions_last_90_days - transactions_prior_90_days)', 'transactions_prior_90_days') }}
            as transactions_change_pct,
        active_days_last_30_days,
        active_days_last_90_days,
        {{ percent('(active_days_last_90_days - active_days_prior_90_days)', 'active_days_prior_90_days') }}
            as active_days_change_pct,
        {{ percent('declined_count', 'transaction_count') }} as declined_pct,
        {{ percent('declined_last_90_days', 'transactions_last_90_days') }} as declined_last_90_days_pct,
        {{ percent('returned_last_90_days', 'transactions_last_90_days') }} as returned_last_90_days_pct,
        cast(lifetime_value as double) as lifetime_value,
        cast({{ money_per('lifetime_value', 'approved_count') }} as double) as avg_transaction_value,
        cast(baseline_monthly_spend as double) as baseline_monthly_spend,
        cast(spend_last_90_days as double) as spend_last_90_days,
        cast(spend_prior_90_days as double) as spend_prior_90_days,
        spend_change_pct,
        100 * (spend_change_pct + 100) / nullif(company_spend_ratio, 0) - 100 as seasonally_adjusted_spend_change_pct,
        {{ percent('spend_month_1', 'avg_monthly_spend_90_days') }} - 100 as spend_momentum,
        {{ percent('(spend_recent_months)', '(' ~ var('churn_months') ~ ' * baseline_monthly_spend)') }}
            as spend_to_baseline_pct,
        {%- for month in range(1, 7) %}
        cast(spend_month_{{ month }} as double) as spend_month_{{ month }},
        {%- endfor %}
        cast(
            2.5 * spend_month_1 + 1.5 * spend_month_2 + 0.5 * spend_month_3
            - 0.5 * spend_month_4 - 1.5 * spend_month_5 - 2.5 * spend_month_6 as double
        ) / 17.5 / nullif(mean_of_6_months, 0) * 100 as spend_trend_pct_per_month,
        sqrt((
            {%- for month in range(1, 7) %}
            power(cast(spend_month_{{ month }} as double) - mean_of_6_months, 2){{ ' +' if not loop.last }}
            {%- endfor %}
        ) / 6) / nullif(abs(mean_of_6_months), 0) * 100 as spend_volatility_pct,
        case when has_travel then {{ percent('travel_spend', 'lifetime_value') }} end as travel_spend_pct,
        case when has_necessities then {{ percent('necessities_spend', 'lifetime_value') }} end
            as necessities_spend_pct,
        travel_pct_90_days as travel_last_90_days_pct,
        necessities_pct_90_days as necessities_last_90_days_pct
        {%- for name, segment in {
            'high_value_travelers': 'High-Value Travelers', 'new_and_growing': 'New & Growing',
            'budget_conscious': 'Budget-Conscious', 'declining': 'Declining', 'stable_mid_spenders': 'Stable Mid-Spenders',
        }.items() %},
        customer_segment = '{{ segment }}' as is_{{ name }}
        {%- endfor %},
        {{ percent('spend_month_1', 'credit_limit') }} as credit_utilization_pct
    from segmented
)

select * from final
