-- Who left in the months after each past cutoff: no transaction since at least as many days, or spend below the given
-- share of the baseline. It alone looks past a cutoff.
{%- set window_days = var('churn_months') * days_of_month() | int %}
with history as (
    select * from {{ ref('int_churn_history') }}
    where split <> 'score'
),

cutoffs as (
    select * from {{ ref('int_churn_cutoffs') }}
),

after as (
    select
        months.customer_id,
        cutoffs.cutoff_number,
        max(months.last_transaction_date) as last_transaction_date,
        {{ money('sum(months.spend)') }} as spend
    from {{ ref('int_customer_months') }} as months
    inner join cutoffs
        on
            months.months_back < cutoffs.months_after
            and months.months_back >= cutoffs.months_after - {{ var('churn_months') }}
    group by months.customer_id, cutoffs.cutoff_number
),

seen as (
    select
        history.customer_id,
        history.cutoff_date,
        history.split,
        history.eligibility,
        history.transaction_count,
        history.baseline_total,
        history.baseline_months,
        coalesce(after.spend, 0) as spend_after,
        {{ days_between(
            'coalesce(after.last_transaction_date, history.last_transaction_date)',
            add_days('history.cutoff_date', window_days)
        ) }} as days_inactive
    from history
    left join after on history.customer_id = after.customer_id and history.cutoff_number = after.cutoff_number
),

judged as (
    select
        *,
        {{ money_per('baseline_total', 'baseline_months') }} as baseline_spend,
        {{ money_per('spend_after', var('churn_months')) }} as recent_spend,
        case
            when transaction_count = 0 then null
            when days_inactive >= {{ window_days }} then 'No transaction'
            when
                baseline_total > 0
                and 100 * spend_after * baseline_months
                < {{ var('churn_spend_pct') }} * {{ var('churn_months') }} * baseline_total
                then 'Spend fell'
        end as churn_reason
    from seen
),

final as (
    select
        customer_id,
        cutoff_date,
        split,
        eligibility,
        case when transaction_count > 0 then churn_reason is not null end as churned,
        churn_reason,
        baseline_spend,
        recent_spend,
        cast(days_inactive as integer) as days_inactive
    from judged
)

select * from final
order by cutoff_date, customer_id
