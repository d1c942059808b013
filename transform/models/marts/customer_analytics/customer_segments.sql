{{ config(indexes=[{"columns": ["customer_id"], "unique": true}]) }}
with summary as (
    select * from {{ ref('int_customer_transaction_summary') }}
),

preferences as (
    select * from {{ ref('int_customer_category_spend') }}
    where place = 1
),

entries as (
    select * from {{ ref('customer_segment_history') }}
    where is_current
),

figures as (
    select * from {{ ref('int_customer_segment_figures') }}
),

final as (
    select
        figures.customer_id,
        figures.customer_segment,
        entries.valid_from as segment_assigned_date,
        figures.tenure_months,
        figures.spend_last_90_days,
        figures.spend_prior_90_days,
        figures.spend_change_pct,
        figures.avg_monthly_spend_90_days,
        figures.travel_pct_90_days,
        figures.necessities_pct_90_days,
        preferences.category_name as preferred_category,
        {{ score('summary.last_transaction_date') }} as recency_score,
        {{ score('coalesce(summary.transactions_last_90_days, 0)') }} as frequency_score,
        {{ score('figures.spend_last_90_days') }} as monetary_score
    from figures
    inner join entries on figures.customer_id = entries.customer_id
    left join summary on figures.customer_id = summary.customer_id
    left join preferences on figures.customer_id = preferences.customer_id
)

select * from final
order by customer_id
