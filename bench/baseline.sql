-- Online Retail's gold tables as one person would write them for this one dataset: read every file at once, no lake, no
-- rejects, no tests, no build to roll back to, nothing to foretell churn or value from. Every column it makes holds the
-- same values as the product's; the bench compares them, so a change to one fails until it is made here too.
-- Variables: files (list), regions and holidays (paths of the seeds).
-- DuckDB divides decimals as doubles; this mean is exact to four digits, halves away from zero.
create temp macro mean(amount, n) as (
    (sign(amount) * (((20000 * abs(amount))::hugeint + n) // (2 * nullif(n, 0))))::decimal(38, 0) * 0.0001
)::decimal(38, 4);

create temp table lines as
select
    row_number() over () as line,
    InvoiceNo as order_id,
    upper(trim(StockCode)) as product_id,
    nullif(trim(Description), '') as product_name,
    Quantity as quantity,
    InvoiceDate as local_at,
    UnitPrice as unit_price,
    regexp_replace(trim(CustomerID), '\.0$', '') as customer_id,
    trim(Country) as country,
    case
        when upper(trim(StockCode)) in ('POST', 'DOT', 'C2') then 'postage'
        when upper(trim(StockCode)) in ('BANK CHARGES', 'AMAZONFEE', 'CRUK') then 'fees'
        when upper(trim(StockCode)) = 'D' then 'discounts'
        when upper(trim(StockCode)) in ('M', 'B', 'S', 'PADS') then 'adjustments'
        else 'gifts'
    end as category_id
from read_csv(
    getvariable('files'), header = true, columns = {
        InvoiceNo: 'varchar', StockCode: 'varchar', Description: 'varchar', Quantity: 'integer',
        InvoiceDate: 'timestamp', UnitPrice: 'decimal(18,4)', CustomerID: 'varchar', Country: 'varchar'
    }
);

create schema gold;
create schema silver;

create table gold.dim_merchant_category as
select
    cast(row_number() over (order by category_name) as integer) as category_key,
    category_id,
    category_name,
    'Other' as category_group,
    is_discretionary,
    false as is_travel,
    false as is_necessity
from (values
    ('gifts', 'Gifts', true), ('postage', 'Postage', false), ('fees', 'Fees', false),
    ('discounts', 'Discounts', false), ('adjustments', 'Adjustments', false)
) as categories (category_id, category_name, is_discretionary)
order by category_name;

create table gold.dim_product as
select
    md5_number_lower(product_id) as product_key,
    product_id,
    product_name,
    case category_id
        when 'postage' then 'Postage' when 'fees' then 'Fees' when 'discounts' then 'Discounts'
        when 'adjustments' then 'Adjustments' else 'Gifts'
    end as category,
    case
        when category_id in ('postage', 'fees') then 'fee'
        when category_id in ('discounts', 'adjustments') then 'adjustment'
        else 'product'
    end as type
from (
    select product_id, category_id, product_name, count(*) as times
    from lines
    group by all
)
qualify row_number() over (
    partition by product_id order by product_name is null, times desc, product_name
) = 1;

create table gold.dim_customer as
with moves as (
    select customer_id, country, local_at, line
    from lines
    where customer_id is not null
    qualify country is distinct from lag(country) over (partition by customer_id order by local_at, line)
),

versions as (
    select
        customer_id,
        country,
        timezone('UTC', timezone('Europe/London', local_at)) as valid_from,
        row_number() over (partition by customer_id order by local_at, line) as version_number
    from moves
)

select
    md5_number_lower(concat_ws('|', customer_id, version_number::varchar)) as customer_key,
    customer_id,
    null::varchar as full_name,
    null::varchar as first_name,
    null::varchar as last_name,
    null::varchar as email,
    null::integer as age,
    null::varchar as state,
    null::varchar as city,
    null::varchar as employment_status,
    null::varchar as customer_type,
    null::varchar as card_type,
    null::decimal(12, 2) as credit_limit,
    null::date as account_open_date,
    null::varchar as decline_type,
    versions.country,
    null::varchar as email_domain,
    regions.region,
    version_number::integer as version_number,
    valid_from,
    lead(valid_from) over (partition by customer_id order by version_number) as valid_to,
    valid_to is null as is_current
from versions
left join read_csv(getvariable('regions'), all_varchar = true) as regions using (country);

create table gold.fct_transactions as
with numbered as (
    select
        order_id || '-' || row_number() over (partition by order_id order by line) as transaction_id,
        *,
        timezone('UTC', timezone('Europe/London', local_at)) as transaction_at,
        local_at::date as transaction_date,
        (quantity * unit_price)::decimal(18, 4) as amount
    from lines
)

select
    md5_number_lower(transaction_id) as transaction_key,
    transaction_id,
    customers.customer_key,
    numbered.customer_id,
    products.product_key,
    categories.category_key as merchant_category_key,
    (year(transaction_date) * 10000 + month(transaction_date) * 100 + day(transaction_date))::integer as date_key,
    transaction_date,
    transaction_at,
    amount as transaction_amount,
    amount as attempted_amount,
    1 as transaction_count,
    null::varchar as merchant_name,
    'Online' as channel,
    'approved' as status,
    order_id,
    numbered.product_id,
    quantity,
    unit_price,
    case
        when order_id like 'A%' then 'adjustment'
        when numbered.category_id in ('postage', 'fees') then 'fee'
        when numbered.category_id in ('discounts', 'adjustments') then 'adjustment'
        when order_id like 'C%' then 'return'
        when quantity < 0 then 'adjustment'
        else 'purchase'
    end as transaction_type,
    'GBP' as currency,
    'online_retail' as source_system
from numbered
left join gold.dim_customer as customers
    on
        numbered.customer_id = customers.customer_id
        and (transaction_at >= valid_from or version_number = 1)
        and (transaction_at < valid_to or valid_to is null)
left join gold.dim_product as products on numbered.product_id = products.product_id
left join gold.dim_merchant_category as categories on numbered.category_id = categories.category_id
order by numbered.customer_id, transaction_date, transaction_at, transaction_id;

set variable as_of = (select max(transaction_date) from gold.fct_transactions);

create table gold.dim_date as
with days as (
    select unnest(generate_series(
        least((select min(transaction_date) from gold.fct_transactions), getvariable('as_of') - 579),
        getvariable('as_of'), interval 1 day
    ))::date as calendar_date
)

select
    (year(calendar_date) * 10000 + month(calendar_date) * 100 + day(calendar_date))::integer as date_key,
    calendar_date,
    year(calendar_date)::integer as year,
    quarter(calendar_date)::integer as quarter,
    month(calendar_date)::integer as month,
    weekofyear(calendar_date)::integer as week,
    day(calendar_date)::integer as day,
    day(calendar_date)::integer as day_of_month,
    isodow(calendar_date)::integer as day_of_week,
    isodow(calendar_date) >= 6 as is_weekend,
    holiday_date is not null as is_holiday,
    holiday_name,
    year(calendar_date)::integer as fiscal_year,
    quarter(calendar_date)::integer as fiscal_quarter,
    month(calendar_date)::integer as fiscal_period
from days
left join read_csv(getvariable('holidays')) as holidays on calendar_date = holiday_date and calendar = 'GB';

create table silver.int_customer_transaction_summary as
select
    customer_id,
    min(transaction_date) as first_transaction_date,
    max(transaction_date) as last_transaction_date,
    count(*) as total_transactions,
    0::hugeint as declined_transactions,
    count(*) as approved_transactions,
    sum(transaction_amount)::decimal(38, 4) as lifetime_value,
    coalesce(sum(transaction_amount) filter (
        where transaction_date > getvariable('as_of') - 90
    ), 0)::decimal(38, 4) as spend_last_90_days,
    coalesce(sum(transaction_amount) filter (
        where transaction_date > getvariable('as_of') - 180 and transaction_date <= getvariable('as_of') - 90
    ), 0)::decimal(38, 4) as spend_prior_90_days,
    coalesce(sum(transaction_amount) filter (
        where transaction_date > getvariable('as_of') - 30
    ), 0)::decimal(38, 4) as spend_last_30_days,
    coalesce(sum(transaction_amount) filter (
        where transaction_date > getvariable('as_of') - 60
    ), 0)::decimal(38, 4) as spend_last_60_days,
    (count(*) filter (where transaction_date > getvariable('as_of') - 90))::hugeint as transactions_last_90_days,
    (count(*) filter (where transaction_date > getvariable('as_of') - 60))::hugeint as transactions_last_60_days,
    (count(*) filter (where transaction_date > getvariable('as_of') - 30))::hugeint as transactions_last_30_days,
    null::decimal(38, 4) as travel_spend,
    null::decimal(38, 4) as necessities_spend,
    count(distinct order_id) filter (where transaction_type = 'purchase') as order_count,
    (sum(transaction_amount) filter (where transaction_type = 'purchase'))::decimal(38, 4) as order_spend
from gold.fct_transactions
where customer_id is not null
group by customer_id;

create table gold.customer_segments as
with figures as (
    select
        customer_id,
        datesub('month', first_transaction_date, getvariable('as_of'))::integer as tenure_months,
        first_transaction_date > (getvariable('as_of') - interval 6 month)::date as is_new,
        spend_last_90_days,
        spend_prior_90_days,
        case
            when spend_prior_90_days > 0
                then (100.0 * (spend_last_90_days - spend_prior_90_days) / spend_prior_90_days)::double
        end as spend_change_pct,
        mean(spend_last_90_days, 3) as avg_monthly_spend_90_days,
        last_transaction_date,
        transactions_last_90_days
    from silver.int_customer_transaction_summary
),

preferences as (
    select
        customer_id,
        arg_min(category_name, (-spend, category_name)) as preferred_category
    from (
        select customer_id, category_name, sum(transaction_amount) as spend
        from gold.fct_transactions
        inner join gold.dim_merchant_category on merchant_category_key = category_key
        where transaction_date > getvariable('as_of') - 90 and customer_id is not null
        group by all
        having spend > 0
    )
    group by all
)

select
    customer_id,
    case
        when spend_change_pct <= -30 then 'Declining'
        when is_new and coalesce(spend_change_pct >= 50, true) then 'New & Growing'
        else 'Stable Mid-Spenders'
    end as customer_segment,
    getvariable('as_of') as segment_assigned_date,
    tenure_months,
    spend_last_90_days,
    spend_prior_90_days,
    spend_change_pct,
    avg_monthly_spend_90_days,
    preferred_category,
    least(5, 1 + floor(5 * percent_rank() over (order by last_transaction_date)))::integer as recency_score,
    least(5, 1 + floor(5 * percent_rank() over (order by transactions_last_90_days)))::integer as frequency_score,
    least(5, 1 + floor(5 * percent_rank() over (order by spend_last_90_days)))::integer as monetary_score
from figures
left join preferences using (customer_id)
order by customer_id;

create unique index customer_segments_customer_id on gold.customer_segments (customer_id);

create table gold.customer_segment_history as
select customer_id, customer_segment, segment_assigned_date as valid_from, true as is_current
from gold.customer_segments
order by customer_id;

alter table gold.dim_customer add column customer_segment varchar;
update gold.dim_customer set customer_segment = segments.customer_segment
from gold.customer_segments as segments
where dim_customer.customer_id = segments.customer_id;

create table gold.metric_customer_ltv as
select
    customer_id,
    unnest(['last_30_days', 'last_60_days', 'last_90_days', 'lifetime']) as value_window,
    unnest([spend_last_30_days, spend_last_60_days, spend_last_90_days, lifetime_value]) as value
from silver.int_customer_transaction_summary
order by customer_id, value_window;

create table gold.metric_avg_transaction_value as
select
    customer_id,
    unnest(['last_30_days', 'last_60_days', 'last_90_days', 'lifetime']) as value_window,
    unnest([
        mean(spend_last_30_days, transactions_last_30_days),
        mean(spend_last_60_days, transactions_last_60_days),
        mean(spend_last_90_days, transactions_last_90_days),
        mean(lifetime_value, approved_transactions)
    ]) as value
from silver.int_customer_transaction_summary
order by customer_id, value_window;

create table gold.customer_engagement as
select
    customer_id,
    case
        when transactions_last_90_days = 0 then 'low'
        when 100 * percent_rank() over (order by transactions_last_90_days) >= 70 then 'high'
        when 100 * percent_rank() over (order by transactions_last_90_days) >= 20 then 'medium'
        else 'low'
    end as engagement_level,
    case when datediff('day', last_transaction_date, getvariable('as_of')) <= 90 then 'active' else 'inactive' end
        as activity_status,
    case
        when 100 * percent_rank() over (order by lifetime_value) >= 90 then 'enterprise'
        when 100 * percent_rank() over (order by lifetime_value) >= 60 then 'premium'
        else 'basic'
    end as customer_tier
from silver.int_customer_transaction_summary
order by customer_id;

create table gold.customer_360_profile as
select
    customer_id,
    full_name,
    first_name,
    last_name,
    email,
    email_domain,
    lower(strip_accents(customer_id)) as search_text,
    age,
    country,
    region,
    state,
    city,
    employment_status,
    customer_type,
    card_type,
    credit_limit,
    account_open_date,
    dim_customer.customer_segment,
    segments.tenure_months,
    first_transaction_date,
    last_transaction_date,
    datediff('day', last_transaction_date, getvariable('as_of'))::integer as days_since_last_transaction,
    case
        when days_since_last_transaction <= 30 then 'Active'
        when days_since_last_transaction <= 60 then 'Recent'
        when days_since_last_transaction <= 90 then 'At Risk'
        else 'Inactive'
    end as recency_status,
    lifetime_value,
    total_transactions,
    declined_transactions::bigint as declined_transactions,
    mean(lifetime_value, approved_transactions) as avg_transaction_value,
    mean(lifetime_value, datediff('month', first_transaction_date, getvariable('as_of')) + 1)
        as avg_monthly_spend,
    summary.spend_last_90_days,
    summary.spend_prior_90_days,
    segments.spend_change_pct,
    transactions_last_90_days::bigint as transactions_last_90_days,
    (100.0 * travel_spend / nullif(lifetime_value, 0))::double as travel_spend_pct,
    (100.0 * necessities_spend / nullif(lifetime_value, 0))::double as necessities_spend_pct,
    null::double as credit_utilization_pct,
    order_count,
    mean(order_spend, order_count) as avg_order_value,
    preferred_category,
    recency_score,
    frequency_score,
    monetary_score,
    engagement_level,
    activity_status,
    customer_tier,
    coalesce(segments.spend_change_pct <= -30 and summary.spend_prior_90_days / 3 >= 500, false)
        as eligible_for_retention
from gold.dim_customer
inner join silver.int_customer_transaction_summary as summary using (customer_id)
inner join gold.customer_segments as segments using (customer_id)
inner join gold.customer_engagement using (customer_id)
where is_current
order by customer_id;

create unique index customer_360_profile_customer_id on gold.customer_360_profile (customer_id);

create table gold.monthly_customer_spending as
select
    customer_id,
    date_trunc('month', transaction_date)::date as month,
    sum(transaction_amount)::decimal(38, 4) as spend,
    count(*) as transactions,
    0::bigint as declines
from gold.fct_transactions
where customer_id is not null
group by all
order by customer_id, month;

checkpoint;
