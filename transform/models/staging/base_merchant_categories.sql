with source as (
    select * from {{ source('bronze', 'merchant_categories') }}
),

numbered as (
    select
        *,
        row_number() over (partition by category_id order by _source_file, _line) as occurrence
    from source
),

final as (
    select
        *,
        {{ reject_columns([
            ("category_id is not null", "category_id is missing"),
            ("category_name is not null", "category_name is missing"),
            ("coalesce(category_group, '') in ('Leisure', 'Necessities', 'Other')",
             "category_group is not Leisure, Necessities or Other"),
            ("occurrence = 1", "category_id is repeated"),
        ]) }}
    from numbered
)

select * from final
