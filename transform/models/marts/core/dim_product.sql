-- A product's name is the one it was given most often; ties go to the first in the alphabet.
with products as (
    select * from {{ ref('stg_products') }}
),

spellings as (
    select
        product_id,
        product_name,
        category,
        type,
        max(attributes) as attributes,
        max(launch_date) as launch_date,
        max(end_date) as end_date,
        row_number() over (
            partition by product_id
            order by
                case when product_name is null then 1 else 0 end asc,
                count(*) desc,
                product_name asc,
                category asc,
                type asc
        ) as place
    from products
    group by product_id, product_name, category, type
),

final as (
    select
        {{ surrogate_key(['product_id']) }} as product_key,
        product_id,
        product_name,
        category,
        type,
        attributes,
        launch_date,
        end_date
    from spellings
    where place = 1
)

select * from final
