-- Who each customer of a source behind an API is. An e-mail address that one customer of the dataset has, and one of
-- the source, makes them the same person; so does one that customers of two sources have, and who was seen first gives
-- the id.
{%- set own = 'partition by source_system, source_customer_id' %}
with records as (
    select * from {{ ref('stg_api_customers') }}
),

ranked as (
    select
        *,
        row_number() over (
            {{ own }}, run_id
            order by data_quality_score desc, fetched_at desc, _batch_id desc, _line desc
        ) as place_in_run,
        min(fetched_at) over ({{ own }}) as first_seen_at,
        max(run_id) over ({{ own }}) as newest_run_id
    from records
),

best as (
    select
        *,
        source_system || ':' || source_customer_id as own_id,
        case when invalid_fields is null then email end as address
    from ranked
    where place_in_run = 1
),

stated_addresses as (
    select
        customer_id,
        email,
        observed_at as stated_at,
        0 as kind,
        _source_file,
        _line
    from {{ ref('stg_customers') }}
    where email is not null
    union all
    select
        customer_id,
        new_value as email,
        effective_at as stated_at,
        1 as kind,
        _source_file,
        _line
    from {{ ref('stg_customer_changes') }}
    where attribute = 'email'
),

newest_addresses as (
    select
        *,
        row_number() over (
            partition by customer_id order by stated_at desc, kind desc, _source_file desc, _line desc
        ) as place
    from stated_addresses
),

known_addresses as (
    select
        email,
        min(customer_id) as customer_id
    from newest_addresses
    where place = 1
    group by email
    having count(*) = 1
),

latest as (
    select * from best
    where run_id = newest_run_id
),

own_addresses as (
    select
        source_system,
        address,
        min(own_id) as own_id,
        min(first_seen_at) as first_seen_at
    from latest
    where address is not null
    group by source_system, address
    having count(*) = 1
),

shared_addresses as (
    select
        source_system,
        address,
        first_value(own_id) over (
            partition by address order by first_seen_at, source_system
            rows between unbounded preceding and unbounded following
        ) as first_id
    from own_addresses
),

persons as (
    select
        latest.own_id,
        coalesce(known_addresses.customer_id, shared.first_id, latest.own_id) as customer_id,
        known_addresses.customer_id is null as is_from_api
    from latest
    left join shared_addresses as shared
        on latest.source_system = shared.source_system and latest.address = shared.address
    left join known_addresses on shared.address = known_addresses.email
),

final as (
    select
        best.source_system,
        best.source_customer_id,
        persons.customer_id,
        persons.is_from_api,
        best.run_id = best.newest_run_id as is_latest,
        case when persons.customer_id = best.own_id then 'own_id' else 'email' end as match_rule,
        case
            when persons.customer_id = best.own_id then 1.0
            else 0.01 * {{ var('email_match_confidence_pct') }}
        end as confidence,
        best.first_name,
        best.last_name,
        best.email,
        best.age,
        best.country,
        best.state,
        best.city,
        best.missing_fields,
        best.invalid_fields,
        best.data_quality_score,
        best.first_seen_at,
        best.fetched_at,
        best.run_id,
        best._source_file,
        best._line
    from best
    inner join persons on best.own_id = persons.own_id
)

select * from final
