with source as (
    {{ bronze_rows('merchant_categories') }}
),

numbered as (
    select
        *,
        row_number() over (
            partition by category_id, is_set_aside
            order by is_correction, _source_file, _line
        ) as occurrence
    from source
),

final as (
    select
        *,
        {{ reject_columns('merchant_categories') }}
    from numbered
)

select * from final
