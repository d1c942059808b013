-- Figures to hold against the publisher's.
with totals as (
    select
        count(*) as purchases,
        count(distinct customer_id) as customers,
        min(transaction_date) as first_day,
        max(transaction_date) as last_day,
        sum(quantity) as discs,
        sum(transaction_amount) as amount,
        count(*) filter (where transaction_amount = 0) as zero_amount_rows
    from transactions
)

select
    unnest(['purchases', 'customers', 'first_day', 'last_day', 'discs', 'amount', 'zero_amount_rows']) as figure,
    unnest([
        purchases::varchar, customers::varchar, first_day::varchar, last_day::varchar, discs::varchar,
        amount::decimal(38, 2)::varchar, zero_amount_rows::varchar
    ]) as value
from totals
