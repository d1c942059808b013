-- The bank's gold tables as one person would write them for these files: no lake, no rejects, no tests, no build to roll
-- back to, nothing to foretell churn or value from. Every column it makes holds the same values as the product's; the
-- bench compares them at the demo scale.
-- Variables: folder (of the generated Parquet files), regions, markets and holidays (paths of the seeds).
-- DuckDB divides decimals as doubles; this mean is exact to four digits, halves away from zero.
create temp macro mean(amount, n) as (
    (sign(amount) * (((20000 * abs(amount))::hugeint + n) // (2 * nullif(n, 0))))::decimal(38, 0) * 0.0001
)::decimal(38, 4);

create schema gold;
create schema silver;

create table gold.dim_merchant_category as
select
    (row_number() over (order by category_name))::integer as category_key,
    *
from (
    select
        parent_category as category_name,
        min(category_id) as category_id,
        min(category_group) as category_group,
        bool_or(is_discretionary) as is_discretionary,
        bool_or(is_travel) as is_travel,
        bool_or(is_necessity) as is_necessity
    from read_parquet(getvariable('folder') || '/merchant_categories.parquet')
    group by all
);

create table gold.dim_product as
select md5_number_lower(product_id) as product_key, product_id, product_name, category, type, attributes, launch_date, end_date
from read_parquet(getvariable('folder') || '/products.parquet');

create table gold.fct_customer_products as
select
    md5_number_lower(concat_ws('|', customer_id, product_id, start_date::varchar)) as holding_key,
    customer_id,
    product_key,
    holdings.product_id,
    product_name,
    category as product_category,
    type as product_type,
    relationship_type,
    start_date,
    holdings.end_date,
    balance,
    holdings.end_date is null as is_active
from read_parquet(getvariable('folder') || '/customer_products.parquet') as holdings
inner join gold.dim_product using (product_id)
order by customer_id, start_date, product_id;

create temp table changes as
select *, timezone('UTC', timezone('America/New_York', effective_at)) as moment
from read_parquet(getvariable('folder') || '/customer_changes.parquet');

create temp table people as
select *, timezone('UTC', timezone('America/New_York', account_open_date::timestamp)) as moment
from read_parquet(getvariable('folder') || '/customers.parquet');

create temp table latest as
select customer_id, attribute, arg_max(new_value, moment) as value
from changes
group by all;

create temp table now_known as
select
    people.* exclude (city, state, employment_status),
    coalesce(cities.value, people.city) as city,
    coalesce(states.value, people.state) as state,
    coalesce(jobs.value, people.employment_status) as employment_status
from people
left join latest as cities on people.customer_id = cities.customer_id and cities.attribute = 'city'
left join latest as states on people.customer_id = states.customer_id and states.attribute = 'state'
left join latest as jobs on people.customer_id = jobs.customer_id and jobs.attribute = 'employment_status';

create temp table versions as
with stated as (
    select customer_id, moment, '' as change_id, card_type, credit_limit::decimal(12, 2) as credit_limit
    from people
    union all
    select
        customer_id, moment, change_id,
        case when attribute = 'card_type' then new_value end,
        case when attribute = 'credit_limit' then new_value::decimal(12, 2) end
    from changes
    where attribute in ('card_type', 'credit_limit')
),

filled as (
    select
        customer_id,
        moment,
        last_value(card_type ignore nulls) over so_far as card_type,
        last_value(credit_limit ignore nulls) over so_far as credit_limit
    from stated
    window so_far as (
        partition by customer_id order by moment, change_id rows between unbounded preceding and current row
    )
    qualify row_number() over (partition by customer_id, moment order by change_id desc) = 1
),

news as (
    select *
    from filled
    window arrival as (partition by customer_id order by moment)
    qualify
        row_number() over arrival = 1
        or card_type is distinct from lag(card_type) over arrival
        or credit_limit is distinct from lag(credit_limit) over arrival
)

select
    *,
    row_number() over (partition by customer_id order by moment) as version_number,
    lead(moment) over (partition by customer_id order by moment) as valid_to
from news;

create temp table customer_versions as
select
    md5_number_lower(concat_ws('|', customer_id, version_number::varchar)) as customer_key,
    customer_id,
    first_name || ' ' || last_name as full_name,
    first_name,
    last_name,
    lower(email) as email,
    age,
    'US' as country,
    state,
    city,
    employment_status,
    'Individual' as customer_type,
    account_open_date,
    decline_type,
    versions.card_type,
    versions.credit_limit,
    split_part(lower(email), '@', 2) as email_domain,
    'North America' as region,
    market_segment,
    version_number::integer as version_number,
    versions.moment as valid_from,
    valid_to,
    valid_to is null as is_current
from versions
inner join now_known using (customer_id)
left join read_csv(getvariable('markets')) as markets using (state);

create table gold.fct_transactions as
select
    md5_number_lower(transaction_id) as transaction_key,
    transaction_id,
    customer_key,
    facts.customer_id,
    product_key,
    category_key as merchant_category_key,
    (year(transaction_date) * 10000 + month(transaction_date) * 100 + day(transaction_date))::integer as date_key,
    transaction_date,
    moment as transaction_at,
    (case when status = 'approved' then transaction_amount end)::decimal(18, 4) as transaction_amount,
    transaction_amount::decimal(18, 4) as attempted_amount,
    1 as transaction_count,
    merchant_name,
    channel,
    status,
    null::varchar as order_id,
    facts.product_id,
    'purchase' as transaction_type,
    'USD' as currency,
    'core_banking' as source_system
from (
    select *, timezone('UTC', timezone('America/New_York', transaction_at)) as moment
    from read_parquet(getvariable('folder') || '/transactions-*.parquet')
) as facts
left join customer_versions as customers
    on
        facts.customer_id = customers.customer_id
        and (moment >= valid_from or version_number = 1)
        and (moment < valid_to or valid_to is null)
left join gold.dim_product as products on facts.product_id = products.product_id
left join read_parquet(getvariable('folder') || '/merchant_categories.parquet') as codes
    on facts.merchant_category_id = codes.category_id
left join gold.dim_merchant_category as categories on codes.parent_category = categories.category_name
order by facts.customer_id, transaction_date, moment, transaction_id;

set variable as_of = (select max(transaction_date) from gold.fct_transactions);

create table gold.dim_date as
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
from (
    select unnest(generate_series(
        least((select min(transaction_date) from gold.fct_transactions), getvariable('as_of') - 579),
        getvariable('as_of'), interval 1 day
    ))::date as calendar_date
)
left join read_csv(getvariable('holidays')) as holidays on calendar_date = holiday_date and calendar = 'US';

create table silver.int_customer_transaction_summary as
select
    customer_id,
    min(transaction_date) as first_transaction_date,
    max(transaction_date) as last_transaction_date,
    count(*) as total_transactions,
    (count(*) filter (status = 'declined'))::hugeint as declined_transactions,
    count(transaction_amount) as approved_transactions,
    coalesce(sum(transaction_amount), 0)::decimal(38, 4) as lifetime_value,
    coalesce(sum(transaction_amount) filter (transaction_date > getvariable('as_of') - 30), 0)::decimal(38, 4)
        as spend_last_30_days,
    coalesce(sum(transaction_amount) filter (transaction_date > getvariable('as_of') - 60), 0)::decimal(38, 4)
        as spend_last_60_days,
    coalesce(sum(transaction_amount) filter (transaction_date > getvariable('as_of') - 90), 0)::decimal(38, 4)
        as spend_last_90_days,
    coalesce(sum(transaction_amount) filter (
        transaction_date > getvariable('as_of') - 180 and transaction_date <= getvariable('as_of') - 90
    ), 0)::decimal(38, 4) as spend_prior_90_days,
    count(transaction_amount) filter (transaction_date > getvariable('as_of') - 30) as approved_last_30_days,
    count(transaction_amount) filter (transaction_date > getvariable('as_of') - 60) as approved_last_60_days,
    count(transaction_amount) filter (transaction_date > getvariable('as_of') - 90) as approved_last_90_days,
    (count(*) filter (transaction_date > getvariable('as_of') - 90))::hugeint as transactions_last_90_days,
    coalesce(sum(transaction_amount) filter (is_travel), 0)::decimal(38, 4) as travel_spend,
    coalesce(sum(transaction_amount) filter (is_necessity), 0)::decimal(38, 4) as necessities_spend,
    coalesce(sum(transaction_amount) filter (is_travel and transaction_date > getvariable('as_of') - 90), 0)
        ::decimal(38, 4) as travel_spend_last_90_days,
    coalesce(sum(transaction_amount) filter (is_necessity and transaction_date > getvariable('as_of') - 90), 0)
        ::decimal(38, 4) as necessities_spend_last_90_days
from gold.fct_transactions
left join gold.dim_merchant_category on merchant_category_key = category_key
group by customer_id;

create table gold.customer_segments as
with figures as (
    select
        customers.customer_id,
        datesub('month', account_open_date, getvariable('as_of'))::integer as tenure_months,
        account_open_date > (getvariable('as_of') - interval 6 month)::date as is_new,
        coalesce(spend_last_90_days, 0) as spend_last_90_days,
        coalesce(spend_prior_90_days, 0) as spend_prior_90_days,
        (100.0 * (coalesce(spend_last_90_days, 0) - spend_prior_90_days)
            / case when spend_prior_90_days > 0 then spend_prior_90_days end)::double as spend_change_pct,
        mean(coalesce(spend_last_90_days, 0), 3) as avg_monthly_spend_90_days,
        (100.0 * travel_spend_last_90_days / nullif(spend_last_90_days, 0))::double as travel_pct_90_days,
        (100.0 * necessities_spend_last_90_days / nullif(spend_last_90_days, 0))::double as necessities_pct_90_days,
        last_transaction_date,
        coalesce(transactions_last_90_days, 0) as transactions_last_90_days
    from customer_versions as customers
    left join silver.int_customer_transaction_summary as summary using (customer_id)
    where is_current
),

preferences as (
    select customer_id, arg_min(category_name, (-spend, category_name)) as preferred_category
    from (
        select customer_id, category_name, sum(transaction_amount) as spend
        from gold.fct_transactions
        inner join gold.dim_merchant_category on merchant_category_key = category_key
        where transaction_date > getvariable('as_of') - 90
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
        when avg_monthly_spend_90_days >= 5000 and travel_pct_90_days >= 25 then 'High-Value Travelers'
        when avg_monthly_spend_90_days < 1500 and necessities_pct_90_days >= 60 then 'Budget-Conscious'
        else 'Stable Mid-Spenders'
    end as customer_segment,
    tenure_months,
    spend_last_90_days,
    spend_prior_90_days,
    spend_change_pct,
    avg_monthly_spend_90_days,
    travel_pct_90_days,
    necessities_pct_90_days,
    preferred_category,
    least(5, 1 + floor(5 * percent_rank() over (order by last_transaction_date nulls first)))::integer as recency_score,
    least(5, 1 + floor(5 * percent_rank() over (order by transactions_last_90_days)))::integer as frequency_score,
    least(5, 1 + floor(5 * percent_rank() over (order by spend_last_90_days)))::integer as monetary_score
from figures
left join preferences using (customer_id)
order by customer_id;

create table gold.customer_segment_history as
select customer_id, customer_segment, getvariable('as_of') as valid_from, true as is_current
from gold.customer_segments
order by customer_id;

create table gold.dim_customer as
select customer_versions.*, customer_segment
from customer_versions
left join gold.customer_segments using (customer_id)
order by customer_id, version_number;

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
        mean(spend_last_30_days, approved_last_30_days),
        mean(spend_last_60_days, approved_last_60_days),
        mean(spend_last_90_days, approved_last_90_days),
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
    email,
    age,
    state,
    city,
    employment_status,
    card_type,
    credit_limit,
    account_open_date,
    customers.market_segment,
    segments.customer_segment,
    tenure_months,
    first_transaction_date,
    last_transaction_date,
    case
        when datediff('day', last_transaction_date, getvariable('as_of')) <= 30 then 'Active'
        when datediff('day', last_transaction_date, getvariable('as_of')) <= 60 then 'Recent'
        when datediff('day', last_transaction_date, getvariable('as_of')) <= 90 then 'At Risk'
        else 'Inactive'
    end as recency_status,
    coalesce(lifetime_value, 0)::decimal(38, 4) as lifetime_value,
    coalesce(total_transactions, 0) as total_transactions,
    coalesce(declined_transactions, 0)::bigint as declined_transactions,
    mean(lifetime_value, approved_transactions) as avg_transaction_value,
    mean(lifetime_value, datediff('month', first_transaction_date, getvariable('as_of')) + 1)
        as avg_monthly_spend,
    segments.spend_last_90_days,
    segments.spend_prior_90_days,
    segments.spend_change_pct,
    (100.0 * travel_spend / nullif(lifetime_value, 0))::double as travel_spend_pct,
    (100.0 * necessities_spend / nullif(lifetime_value, 0))::double as necessities_spend_pct,
    (100.0 * coalesce(spend_last_30_days, 0) / nullif(credit_limit, 0))::double as credit_utilization_pct,
    preferred_category,
    recency_score,
    frequency_score,
    monetary_score,
    engagement_level,
    activity_status,
    customer_tier,
    coalesce(products, 0) as product_count
from gold.dim_customer as customers
inner join gold.customer_segments as segments using (customer_id)
left join silver.int_customer_transaction_summary as summary using (customer_id)
left join gold.customer_engagement using (customer_id)
left join (
    select customer_id, count(*) filter (is_active) as products
    from gold.fct_customer_products
    group by all
) as holdings using (customer_id)
where is_current
order by customer_id;

create unique index customer_360_profile_customer_id on gold.customer_360_profile (customer_id);

create table gold.monthly_customer_spending as
select
    customer_id,
    date_trunc('month', transaction_date)::date as month,
    coalesce(sum(transaction_amount), 0)::decimal(38, 4) as spend,
    count(*) as transactions,
    count(*) filter (status = 'declined') as declines
from gold.fct_transactions
group by all
order by customer_id, month;

create schema monitoring;

create table monitoring.daily_metrics as
select
    transaction_date as metric_date,
    count(*) as transactions,
    count(transaction_amount) as approved_transactions,
    coalesce(sum(transaction_amount), 0)::decimal(38, 4) as spend,
    count(distinct customer_id) as active_customers
from gold.fct_transactions
group by all
order by metric_date;

checkpoint;
