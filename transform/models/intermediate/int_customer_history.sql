-- What is known of each customer after each moment at which something changed, from both ways a source can say it:
-- a full statement (customers, or a record of an API) or a dated change of one attribute (customer_changes). Of whom
-- the dataset knows, it alone says what is so.
-- noqa: disable=LT02
{%- set attributes = customer_attributes() %}
{%- set arrival = 'partition by customer_id order by observed_at, _source_file, _line' %}
{%- set said_by_apis = ['first_name', 'last_name', 'email', 'age', 'country', 'state', 'city'] %}
{%- set so_far = 'partition by customer_id order by effective_at, kind, _source_file, _line'
    ~ ' rows between unbounded preceding and current row' %}
with observations as (
    select
        customer_id,
        observed_at,
        _source_file,
        _line
        {%- for attribute in attributes %},
        {{ attribute }}
        {%- endfor %}
    from {{ ref('stg_customers') }}
    union all
    select
        customer_id,
        fetched_at as observed_at,
        _source_file,
        _line
        {%- for attribute, type in attributes.items() %},
        {{ attribute if attribute in said_by_apis else 'cast(null as ' ~ type ~ ') as ' ~ attribute }}
        {%- endfor %}
    from {{ ref('int_api_customers') }}
    where is_from_api
),

changes as (
    select * from {{ ref('stg_customer_changes') }}
),

compared as (
    select
        *,
        row_number() over ({{ arrival }}) = 1
        {%- for attribute in attributes %}
        or (
            {{ attribute }} is not null
            and {{ attribute }} is distinct from lag({{ attribute }}) over ({{ arrival }})
        )
        {%- endfor %} as is_news
    from observations
),

stated as (
    select
        customer_id,
        observed_at as effective_at,
        0 as kind,
        _source_file,
        _line
        {%- for attribute in attributes %},
        {{ attribute }}
        {%- endfor %}
    from compared
    where is_news
    union all
    select
        customer_id,
        effective_at,
        1 as kind,
        _source_file,
        _line
        {%- for attribute, type in attributes.items() %},
        case when attribute = '{{ attribute }}' then {{ cast_text('new_value', type) }} end as {{ attribute }}
        {%- endfor %}
    from changes
),

known as (
    select
        customer_id,
        effective_at
        {%- for attribute in attributes %},
        last_value({{ attribute }} ignore nulls) over ({{ so_far }}) as {{ attribute }}
        {%- endfor %},
        row_number() over (
            partition by customer_id, effective_at
            order by kind desc, _source_file desc, _line desc
        ) as place_in_moment,
        row_number() over (
            partition by customer_id
            order by effective_at desc, kind desc, _source_file desc, _line desc
        ) as place_from_end
    from stated
),

final as (
    select
        customer_id,
        effective_at
        {%- for attribute in attributes %},
        {{ attribute }}
        {%- endfor %},
        place_from_end = 1 as is_latest
    from known
    where place_in_moment = 1
)

select * from final
