-- The days that the churn models look back and forth from: the as-of date, whose future nobody knows, and days before
-- it, each as far from the next as a label looks ahead, so that no two labels see the same day.
with months as (
    select * from {{ ref('int_customer_months') }}
),

oldest as (
    select min(first_transaction_date) as first_day from months
),

numbers as (
    {%- for number in range(var('churn_cutoffs') + 1) %}
    select cast({{ number }} as integer) as cutoff_number{{ ' union all' if not loop.last }}
    {%- endfor %}
),

placed as (
    select
        cutoff_number,
        cast(cutoff_number * {{ var('churn_months') }} as integer) as months_after,
        {{ add_days(as_of_date(), '0 - cutoff_number * ' ~ var('churn_months') ~ ' * ' ~ days_of_month()) }}
            as cutoff_date
    from numbers
),

final as (
    select
        placed.cutoff_number,
        placed.months_after,
        placed.cutoff_date,
        case placed.cutoff_number when 0 then 'score' when 1 then 'holdout' else 'train' end as split
    from placed
    cross join oldest
    where
        placed.cutoff_number = 0
        or {{ days_between('oldest.first_day', 'placed.cutoff_date') }} >= {{ var('churn_least_history_days') }}
)

select * from final
