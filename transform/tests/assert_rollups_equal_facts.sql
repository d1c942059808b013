-- What each roll-up holds of the transactions adds up to what the facts do.
{%- set rollups = [
    'transactions_by_day',
    'transactions_by_amount',
    'transactions_by_customer',
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
        '{{ rollup }}' as rollup,
        {{ rolled_up_measures() }}
    from {{ ref(rollup) }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
)

select rolled_up.*
from rolled_up
cross join facts
where
    rolled_up.row_count <> facts.row_count
    or rolled_up.transaction_amount_sum is distinct from facts.transaction_amount_sum
    or rolled_up.transaction_amount_count <> facts.transaction_amount_count
    or rolled_up.transaction_amount_min is distinct from facts.transaction_amount_min
    or rolled_up.transaction_amount_max is distinct from facts.transaction_amount_max
    or rolled_up.attempted_amount_sum is distinct from facts.attempted_amount_sum
    or rolled_up.quantity_sum is distinct from facts.quantity_sum
