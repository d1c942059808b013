{%- set recent = "transaction_date > " ~ add_days(as_of_date(), 0 - var('window_days')) %}
{%- set prior = "transaction_date > " ~ add_days(as_of_date(), 0 - 2 * var('window_days'))
    ~ " and transaction_date <= " ~ add_days(as_of_date(), 0 - var('window_days')) %}
{%- set utilization = "transaction_date > " ~ add_days(as_of_date(), 0 - var('utilization_days')) %}
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
        coalesce(bool_or(is_travel), false) as has_travel,
        coalesce(bool_or(is_necessity), false) as has_necessities
    from categories
),

final as (
    select
        transactions.customer_id,
        min(transactions.transaction_date) as first_transaction_date,
        max(transactions.transaction_date) as last_transaction_date,
        count(*) as total_transactions,
        sum(case when transactions.status = 'declined' then 1 else 0 end) as declined_transactions,
        count(transactions.transaction_amount) as approved_transactions,
        {{ money('coalesce(sum(transactions.transaction_amount), 0)') }} as lifetime_value,
        {{ money('coalesce(sum(case when ' ~ recent ~ ' then transactions.transaction_amount end), 0)') }}
            as spend_last_90_days,
        {{ money('coalesce(sum(case when ' ~ prior ~ ' then transactions.transaction_amount end), 0)') }}
            as spend_prior_90_days,
        {{ money('coalesce(sum(case when ' ~ utilization ~ ' then transactions.transaction_amount end), 0)') }}
            as spend_last_30_days,
        sum(case when {{ recent }} then 1 else 0 end) as transactions_last_90_days,
        case
            when (select has_travel from known) then
                {{ money('sum(case when categories.is_travel then transactions.transaction_amount else 0 end)') }}
        end as travel_spend,
        case
            when (select has_necessities from known) then
                {{ money('sum(case when categories.is_necessity then transactions.transaction_amount else 0 end)') }}
        end as necessities_spend,
        case
            when (select has_orders from known) then
                count(distinct case
                    when transactions.transaction_type = 'purchase' and transactions.status = 'approved'
                        then transactions.order_id
                end)
        end as order_count,
        {{ money("sum(case when transactions.transaction_type = 'purchase' and transactions.order_id is not null"
            ~ " then transactions.transaction_amount end)") }} as order_spend
    from transactions
    left join categories on transactions.merchant_category_key = categories.category_key
    group by transactions.customer_id
)

select * from final
