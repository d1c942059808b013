with base as (
    select * from {{ ref('base_merchant_categories') }}
    where not is_rejected
),

final as (
    select
        category_id,
        coalesce(parent_category, category_name) as category_name,
        category_group,
        coalesce(is_discretionary, false) as is_discretionary,
        coalesce(is_travel, false) as is_travel,
        coalesce(is_necessity, false) as is_necessity
    from base
)

select * from final
