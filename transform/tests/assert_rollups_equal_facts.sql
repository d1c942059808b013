-- What each roll-up holds of the transactions adds up to what the facts do.
{%- set rollups = [
    'transactions_by_day',
    'transactions_by_merchant',
    'transactions_by_customer_category',
    'transactions_by_customer_month',
] %}
with facts as (
    select
        {{ transaction_measures() }}
    from {{ ref('fct_transactions') }}
),

rolled_up as (
    {%- for rollup in rollups %}
    select
        '{{ rollup }}' as name,
        cast(sum(row_count) as bigint) as row_count,
        {{ money('sum(transaction_amount_sum)') }} as transaction_amount_sum,
        cast(sum(transaction_amount_count) as bigint) as transaction_amount_count,
        min(transaction_amount_min) as transaction_amount_min,
        max(transaction_amount_max) as transaction_amount_max,
        {{ money('sum(attempted_amount_sum)') }} as attempted_amount_sum,
        cast(sum(quantity_sum) as bigint) as quantity_sum
    from {{ ref(rollup) }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
)

select rolled_up.*
from rolled_up
cross join facts
where
    coalesce(rolled_up.row_count, 0) <> facts.row_count
    or rolled_up.transaction_amount_sum is distinct from facts.transaction_amount_sum
    or coalesce(rolled_up.transaction_amount_count, 0) <> facts.transaction_amount_count
    or rolled_up.transaction_amount_min is distinct from facts.transaction_amount_min
    or rolled_up.transaction_amount_max is distinct from facts.transaction_amount_max
    or rolled_up.attempted_amount_sum is distinct from facts.attempted_amount_sum
    or rolled_up.quantity_sum is distinct from facts.quantity_sum
