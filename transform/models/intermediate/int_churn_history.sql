-- What was known of each customer at each cutoff: months before it, and the attributes as last stated by then. The one
-- column that looks at what came after is in churn_labels, not here.
{%- set attributes = [
    'age', 'country', 'state', 'employment_status', 'customer_type', 'card_type', 'credit_limit', 'account_open_date',
] %}
{%- set days_known = days_between('done.first_transaction_date', 'cutoffs.cutoff_date') %}
{%- set end_of_day = to_utc(start_of_day(add_days('cutoffs.cutoff_date', 1))) %}
with customers as (
    select customer_id from {{ ref('int_customer_versions') }}
    where is_current
),

cutoffs as (
    select * from {{ ref('int_churn_cutoffs') }}
),

months as (
    select
        months.*,
        cutoffs.cutoff_number,
        months.months_back - cutoffs.months_after + 1 as month_number
    from {{ ref('int_customer_months') }} as months
    inner join cutoffs on months.months_back >= cutoffs.months_after
),

done as (
    select
        customer_id,
        cutoff_number,
        min(first_transaction_date) as first_transaction_date,
        max(last_transaction_date) as last_transaction_date,
        sum(transactions) as transaction_count,
        sum(approved) as approved_count,
        sum(declined) as declined_count,
        {{ over_months('transactions', 1, 1) }} as transactions_last_30_days,
        {{ over_months('transactions', 1, 3) }} as transactions_last_90_days,
        {{ over_months('transactions', 4, 6) }} as transactions_prior_90_days,
        {{ over_months('declined', 1, 3) }} as declined_last_90_days,
        {{ over_months('returned', 1, 3) }} as returned_last_90_days,
        {{ over_months('active_days', 1, 1) }} as active_days_last_30_days,
        {{ over_months('active_days', 1, 3) }} as active_days_last_90_days,
        {{ over_months('active_days', 4, 6) }} as active_days_prior_90_days,
        sum(active_days) as active_days,
        {{ money('sum(spend)') }} as lifetime_value,
        {{ money('sum(travel_spend)') }} as travel_spend,
        {{ money('sum(necessities_spend)') }} as necessities_spend,
        {%- for month in range(1, 7) %}
        {{ money(over_months('spend', month, month)) }} as spend_month_{{ month }},
        {%- endfor %}
        {{ money(over_months('spend', 1, var('churn_months'))) }} as spend_recent_months,
        {{ money(over_months('spend', var('churn_months') + 1, var('churn_months') + var('baseline_months'))) }}
            as spend_baseline_months,
        {{ money(over_months('spend', 1, 3)) }} as spend_last_90_days,
        {{ money(over_months('spend', 4, 6)) }} as spend_prior_90_days,
        {{ money(over_months('travel_spend', 1, 3)) }} as travel_spend_last_90_days,
        {{ money(over_months('necessities_spend', 1, 3)) }} as necessities_spend_last_90_days
    from months
    group by customer_id, cutoff_number
),

stated as (
    select
        history.*,
        cutoffs.cutoff_number,
        row_number() over (
            partition by history.customer_id, cutoffs.cutoff_number
            order by history.effective_at desc
        ) as place_from_end
    from {{ ref('int_customer_history') }} as history
    inner join cutoffs on history.effective_at < {{ end_of_day }}
),

holdings as (
    select
        held.customer_id,
        cutoffs.cutoff_number,
        count(*) as product_count
    from {{ ref('fct_customer_products') }} as held
    inner join cutoffs
        on
            held.start_date <= cutoffs.cutoff_date
            and (held.end_date is null or held.end_date >= cutoffs.cutoff_date)
    group by held.customer_id, cutoffs.cutoff_number
),

-- A figure that a dataset cannot have is null, not zero.
known as (
    select
        (select count(*) > 0 from {{ ref('fct_customer_products') }}) as has_holdings,
        (select coalesce({{ any_true('is_travel') }}, false) from {{ ref('dim_merchant_category') }}) as has_travel,
        (select coalesce({{ any_true('is_necessity') }}, false) from {{ ref('dim_merchant_category') }})
            as has_necessities
),

joined as (
    select
        customers.customer_id,
        cutoffs.cutoff_number,
        cutoffs.cutoff_date,
        cutoffs.split,
        {%- for attribute in attributes %}
        stated.{{ attribute }},
        {%- endfor %}
        case when known.has_holdings then coalesce(holdings.product_count, 0) end as product_count,
        known.has_travel,
        known.has_necessities,
        done.first_transaction_date,
        done.last_transaction_date,
        coalesce(stated.account_open_date, done.first_transaction_date) as member_since,
        {{ days_between('done.last_transaction_date', 'cutoffs.cutoff_date') }} as days_since_last_transaction,
        case
            when done.first_transaction_date is not null
                then cast(least(
                    floor(({{ days_known }} + {{ days_of_month() }}) / {{ days_of_month() }}),
                    {{ var('churn_months') + var('baseline_months') }}
                ) as integer)
        end as months_known,
        {%- for figure in [
            'transaction_count', 'approved_count', 'declined_count', 'transactions_last_30_days',
            'transactions_last_90_days', 'transactions_prior_90_days', 'declined_last_90_days',
            'returned_last_90_days', 'active_days_last_30_days', 'active_days_last_90_days',
            'active_days_prior_90_days', 'active_days',
        ] %}
        cast(coalesce(done.{{ figure }}, 0) as integer) as {{ figure }},
        {%- endfor %}
        {%- for month in range(1, 7) %}
        coalesce(done.spend_month_{{ month }}, 0) as spend_month_{{ month }},
        {%- endfor %}
        coalesce(done.spend_recent_months, 0) as spend_recent_months,
        coalesce(done.spend_baseline_months, 0) as spend_baseline_months,
        coalesce(done.lifetime_value, 0) as lifetime_value,
        coalesce(done.travel_spend, 0) as travel_spend,
        coalesce(done.necessities_spend, 0) as necessities_spend,
        coalesce(done.spend_last_90_days, 0) as spend_last_90_days,
        coalesce(done.spend_prior_90_days, 0) as spend_prior_90_days,
        coalesce(done.travel_spend_last_90_days, 0) as travel_spend_last_90_days,
        coalesce(done.necessities_spend_last_90_days, 0) as necessities_spend_last_90_days
    from customers
    cross join cutoffs
    cross join known
    left join done on customers.customer_id = done.customer_id and cutoffs.cutoff_number = done.cutoff_number
    left join stated
        on
            customers.customer_id = stated.customer_id
            and cutoffs.cutoff_number = stated.cutoff_number
            and stated.place_from_end = 1
    left join holdings
        on customers.customer_id = holdings.customer_id and cutoffs.cutoff_number = holdings.cutoff_number
),

-- The baseline is of the months before the recent ones; whoever is newer than those has only recent months.
final as (
    select
        *,
        case
            when months_known > {{ var('churn_months') }} then spend_baseline_months else spend_recent_months
        end as baseline_total,
        case
            when months_known > {{ var('churn_months') }} then months_known - {{ var('churn_months') }}
            else months_known
        end as baseline_months,
        case
            when transaction_count = 0 and coalesce(member_since > cutoff_date, split <> 'score')
                then 'Not a customer yet'
            when transaction_count < {{ var('churn_least_transactions') }}
                then 'Fewer than {{ var("churn_least_transactions") }} transactions'
            when days_since_last_transaction >= {{ var('churn_months') * days_of_month() | int }}
                then 'Inactive for {{ var("churn_months") * days_of_month() | int }} days or more'
            else 'Eligible'
        end as eligibility
    from joined
)

select * from final
