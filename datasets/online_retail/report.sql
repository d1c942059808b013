-- Figures to hold against the publisher's: every one is a total over the lines as they were received.
with lines as (
    select
        transactions.*,
        products.source_product_id,
        products.product_name
    from transactions
    inner join products
        on
            transactions._batch_id = products._batch_id
            and transactions._line = products._line
),

totals as (
    select
        count(*) as lines,
        min(transaction_at) as first_moment,
        max(transaction_at) as last_moment,
        count(distinct order_id) as invoices,
        count(distinct customer_id) as customers,
        count(*) filter (where customer_id is null) as guest_lines,
        count(*) filter (where product_name is null) as lines_without_description,
        count(*) filter (where order_id like 'C%') as cancellation_lines,
        count(*) filter (where order_id like 'A%') as bad_debt_lines,
        count(*) filter (where quantity < 0) as negative_quantity_lines,
        count(*) filter (where quantity < 0 and order_id not like 'C%') as negative_quantity_not_cancelled,
        count(*) filter (where unit_price = 0) as zero_price_lines,
        count(*) filter (where unit_price < 0) as negative_price_lines,
        max(abs(quantity)) as largest_quantity,
        count(*) filter (where product_id = 'POST') as post_lines,
        count(*) filter (where product_id = 'DOT') as dot_lines,
        count(*) filter (where source_product_id = 'M') as m_lines,
        count(*) filter (where product_id = 'C2') as c2_lines,
        count(*) filter (where product_id = 'D') as d_lines,
        count(*) filter (where product_id = 'BANK CHARGES') as bank_charges_lines,
        count(*) filter (where dayofweek(transaction_date) = 6) as saturday_lines,
        sum(transaction_amount) as amount,
        count(*) filter (
            where quantity > 0 and unit_price > 0 and customer_id is not null
        ) as clean_lines,
        count(distinct customer_id) filter (where quantity > 0 and unit_price > 0) as clean_customers,
        sum(transaction_amount) filter (
            where quantity > 0 and unit_price > 0 and customer_id is not null
        ) as clean_amount
    from lines
),

distinct_lines as (
    select distinct
        order_id,
        source_product_id,
        product_name,
        quantity,
        transaction_at,
        unit_price,
        customer_id,
        transaction_amount
    from lines
),

without_repeats as (
    select
        count(*) as lines_without_repeats,
        sum(transaction_amount) as amount_without_repeats
    from distinct_lines
),

largest_customer as (
    select
        customer_id as largest_customer,
        sum(transaction_amount) as largest_customer_amount
    from lines
    where customer_id is not null
    group by customer_id
    order by largest_customer_amount desc
    limit 1
),

codes as (
    select
        product_id,
        count(distinct source_product_id) as spellings
    from products
    group by product_id
),

spelled_codes as (
    select
        source_product_id,
        count(distinct product_name) as descriptions
    from products
    group by source_product_id
),

movers as (
    select count(*) as customers_in_several_countries
    from (
        select customer_id
        from customers
        group by customer_id
        having count(distinct country) > 1
    ) as moved
)

select
    unnest([
        'lines', 'first_moment', 'last_moment', 'invoices', 'customers', 'guest_lines',
        'lines_without_description', 'cancellation_lines', 'bad_debt_lines', 'negative_quantity_lines',
        'negative_quantity_not_cancelled', 'zero_price_lines', 'negative_price_lines', 'largest_quantity',
        'post_lines', 'dot_lines', 'm_lines', 'c2_lines', 'd_lines', 'bank_charges_lines', 'saturday_lines',
        'amount', 'clean_lines', 'clean_customers', 'clean_amount', 'codes_differing_only_by_case',
        'codes_with_several_descriptions', 'customers_in_several_countries', 'lines_without_repeats',
        'amount_without_repeats', 'largest_customer', 'largest_customer_amount'
    ]) as figure,
    unnest([
        lines::varchar, first_moment::varchar, last_moment::varchar, invoices::varchar, customers::varchar,
        guest_lines::varchar, lines_without_description::varchar, cancellation_lines::varchar,
        bad_debt_lines::varchar, negative_quantity_lines::varchar, negative_quantity_not_cancelled::varchar,
        zero_price_lines::varchar, negative_price_lines::varchar, largest_quantity::varchar,
        post_lines::varchar, dot_lines::varchar, m_lines::varchar, c2_lines::varchar, d_lines::varchar,
        bank_charges_lines::varchar, saturday_lines::varchar, amount::decimal(38, 2)::varchar,
        clean_lines::varchar, clean_customers::varchar, clean_amount::decimal(38, 2)::varchar,
        (
            select count(*) from codes
            where spellings > 1
        )::varchar,
        (
            select count(*) from spelled_codes
            where descriptions > 1
        )::varchar,
        customers_in_several_countries::varchar, lines_without_repeats::varchar,
        amount_without_repeats::decimal(38, 2)::varchar, largest_customer,
        largest_customer_amount::decimal(38, 2)::varchar
    ]) as value
from totals, movers, without_repeats, largest_customer
