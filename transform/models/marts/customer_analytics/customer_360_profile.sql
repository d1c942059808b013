{{ config(indexes=[{"columns": ["customer_id"], "unique": true}]) }}
with customers as (
    select * from {{ ref('dim_customer') }}
    where is_current
),

summary as (
    select * from {{ ref('int_customer_transaction_summary') }}
),

joined as (
    select
        customers.*,
        summary.first_transaction_date,
        summary.last_transaction_date,
        {{ days_between('summary.last_transaction_date', as_of_date()) }} as days_since_last_transaction,
        coalesce(summary.lifetime_value, 0) as lifetime_value,
        coalesce(summary.total_transactions, 0) as total_transactions,
        coalesce(summary.approved_transactions, 0) as approved_transactions,
        coalesce(summary.declined_transactions, 0) as declined_transactions,
        coalesce(summary.spend_last_90_days, 0) as spend_last_90_days,
        coalesce(summary.spend_prior_90_days, 0) as spend_prior_90_days,
        coalesce(summary.spend_last_30_days, 0) as spend_last_30_days,
        coalesce(summary.transactions_last_90_days, 0) as transactions_last_90_days,
        summary.travel_spend,
        summary.necessities_spend,
        summary.order_count,
        summary.order_spend
    from customers
    left join summary on customers.customer_id = summary.customer_id
),

final as (
    select
        customer_id,
        full_name,
        first_name,
        last_name,
        email,
        email_domain,
        {{ search_form("concat_ws(' ', customer_id, full_name, email)") }} as search_text,
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
        cast(null as varchar) as customer_segment,
        cast(
            datediff('month', coalesce(account_open_date, first_transaction_date), {{ as_of_date() }}) as integer
        ) as tenure_months,
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
        {{ money('lifetime_value / nullif(approved_transactions, 0)') }} as avg_transaction_value,
        {{ money("lifetime_value / (datediff('month', first_transaction_date, " ~ as_of_date() ~ ") + 1)") }}
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
        {{ percent('spend_last_30_days', 'credit_limit') }} as credit_utilization_pct,
        cast(order_count as bigint) as order_count,
        {{ money('order_spend / nullif(order_count, 0)') }} as avg_order_value
    from joined
)

select * from final
order by customer_id
