-- Type 2 attributes (dataset.yml names them) are as they were in the version; all others are as they are now.
{%- set type_2 = var('type_2_attributes') %}
{%- set arrival = 'partition by customer_id order by effective_at' %}
{%- set type_1 = customer_attributes().keys() | reject('in', type_2) | list %}
with history as (
    select * from {{ ref('int_customer_history') }}
),

regions as (
    select * from {{ ref('country_regions') }}
),

markets as (
    select * from {{ ref('market_crosswalk') }}
),

compared as (
    select
        *,
        row_number() over ({{ arrival }}) = 1
        {%- for attribute in type_2 %}
        or ({{ attribute }} is distinct from lag({{ attribute }}) over ({{ arrival }}))
        {%- endfor %} as opens_version
    from history
),

versions as (
    select
        *,
        row_number() over ({{ arrival }}) as version_number,
        lead(effective_at) over ({{ arrival }}) as valid_to
    from compared
    where opens_version
),

latest as (
    select * from history
    where is_latest
),

final as (
    select
        {{ surrogate_key(['versions.customer_id', 'versions.version_number']) }} as customer_key,
        versions.customer_id,
        nullif({{ trimmed(join_present(' ', ['latest.first_name', 'latest.last_name'])) }}, '') as full_name
        {%- for attribute in type_1 %},
        latest.{{ attribute }}
        {%- endfor %}
        {%- for attribute in type_2 %},
        versions.{{ attribute }}
        {%- endfor %},
        nullif(split_part(latest.email, '@', 2), '') as email_domain,
        regions.region,
        markets.market_segment,
        cast(versions.version_number as integer) as version_number,
        versions.effective_at as valid_from,
        versions.valid_to,
        versions.valid_to is null as is_current
    from versions
    inner join latest on versions.customer_id = latest.customer_id
    left join regions
        on {{ 'versions' if 'country' in type_2 else 'latest' }}.country = regions.country
    left join markets
        on
            regions.region = markets.region
            and (markets.state is null or {{ 'versions' if 'state' in type_2 else 'latest' }}.state = markets.state)
)

select * from final
