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
        {{ reject_columns('merchant_categories') }}
    from numbered
)

select * from final
