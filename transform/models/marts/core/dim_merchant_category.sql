-- The codes of a source roll up to about twenty categories.
with codes as (
    select * from {{ ref('stg_merchant_categories') }}
),

categories as (
    select
        category_name,
        min(category_id) as category_id,
        min(category_group) as category_group,
        {{ any_true('is_discretionary') }} as is_discretionary,
        {{ any_true('is_travel') }} as is_travel,
        {{ any_true('is_necessity') }} as is_necessity
    from codes
    group by category_name
),

final as (
    select
        cast(row_number() over (order by category_name) as integer) as category_key,
        category_id,
        category_name,
        category_group,
        is_discretionary,
        is_travel,
        is_necessity
    from categories
)

select * from final
