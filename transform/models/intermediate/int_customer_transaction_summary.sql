{%- set day = "transactions.transaction_date" %}
{%- set amount = "transactions.transaction_amount" %}
{%- set since = {} %}
{%- for days in (30, 60, 90, 180) %}
{%- do since.update({days: day ~ " > " ~ add_days(as_of_date(), 0 - days)}) %}
{%- endfor %}
{%- set prior = since[180] ~ " and not " ~ since[90] %}
{%- set utilization = day ~ " > " ~ add_days(as_of_date(), 0 - var('utilization_days')) %}
with transactions as (
    select * from {{ ref('fct_transactions') }}
    where customer_id is not null
),

categories as (
    select * from {{ ref('dim_merchant_category') }}
),

-- A figure that a dataset cannot have is null, not zero.
known as (
    select
        (select count(order_id) > 0 from transactions) as has_orders,
        coalesce({{ any_true('is_travel') }}, false) as has_travel,
        coalesce({{ any_true('is_necessity') }}, false) as has_necessities
    from categories
),

final as (
    select
        transactions.customer_id,
        min({{ day }}) as first_transaction_date,
        max({{ day }}) as last_transaction_date,
        {{ days_between('max(' ~ day ~ ')', as_of_date()) }} as days_since_last_transaction,
        count(*) as total_transactions,
        count(case when transactions.status = 'declined' then 1 end) as declined_transactions,
        count(case when transactions.status = 'declined' and {{ since[90] }} then 1 end)
            as declined_last_90_days,
        count({{ amount }}) as approved_transactions,
        {{ money('coalesce(sum(' ~ amount ~ '), 0)') }} as lifetime_value,
        {%- for days in (30, 60, 90) %}
        {{ money('coalesce(sum(case when ' ~ since[days] ~ ' then ' ~ amount ~ ' end), 0)') }}
            as spend_last_{{ days }}_days,
        count(case when {{ since[days] }} then 1 end) as transactions_last_{{ days }}_days,
        count(case when {{ since[days] }} then {{ amount }} end) as approved_last_{{ days }}_days,
        {%- endfor %}
        {{ money('coalesce(sum(case when ' ~ utilization ~ ' then ' ~ amount ~ ' end), 0)') }} as utilization_spend,
        {{ money('coalesce(sum(case when ' ~ prior ~ ' then ' ~ amount ~ ' end), 0)') }} as spend_prior_90_days,
        count(case when {{ prior }} then 1 end) as transactions_prior_90_days,
        {%- for group in ('Leisure', 'Necessities', 'Other') %}
        {{ money("coalesce(sum(case when categories.category_group = '" ~ group ~ "' then " ~ amount ~ " end), 0)") }}
            as {{ group | lower }}_group_spend,
        {%- endfor %}
        {%- for kind, flag in {'travel': 'is_travel', 'necessities': 'is_necessity'}.items() %}
        case
            when (select has_{{ kind }} from known)
                then {{ money('sum(case when categories.' ~ flag ~ ' then ' ~ amount ~ ' else 0 end)') }}
        end as {{ kind }}_spend,
        {%- set in_window = "categories." ~ flag ~ " and " ~ since[90] %}
        case
            when (select has_{{ kind }} from known)
                then {{ money('sum(case when ' ~ in_window ~ ' then ' ~ amount ~ ' else 0 end)') }}
        end as {{ kind }}_spend_last_90_days,
        {%- endfor %}
        case
            when (select has_orders from known) then
                count(distinct case
                    when transactions.transaction_type = 'purchase' and transactions.status = 'approved'
                        then transactions.order_id
                end)
        end as order_count,
        {{ money("sum(case when transactions.transaction_type = 'purchase' and transactions.order_id is not null"
            ~ " then " ~ amount ~ " end)") }} as order_spend
    from transactions
    left join categories on transactions.merchant_category_key = categories.category_key
    group by transactions.customer_id
)

select * from final
