-- 580 days that end with the as-of date, and earlier ones where facts are older.
with facts as (
    select
        min(transaction_date) as first_day,
        max(transaction_date) as last_day
    from {{ ref('fct_transactions') }}
),

bounds as (
    select
        least(
            coalesce(first_day, {{ as_of_date() }}),
            {{ add_days(as_of_date(), 1 - var('calendar_days')) }}
        ) as first_day,
        {{ as_of_date() }} as last_day
    from facts
),

days as (
    {{ date_spine('(select first_day from bounds)', '(select last_day from bounds)') }}
),

holidays as (
    select * from {{ ref('public_holidays') }}
    where calendar = '{{ var("holidays") }}'
),

numbered as (
    select
        calendar_date,
        cast(year(calendar_date) as integer) as year,
        cast(month(calendar_date) as integer) as month,
        cast(day(calendar_date) as integer) as day_of_month,
        cast({{ iso_weekday('calendar_date') }} as integer) as day_of_week,
        cast({{ iso_week('calendar_date') }} as integer) as week,
        mod(month(calendar_date) - {{ var('fiscal_year_start_month') }} + 12, 12) as fiscal_month_index
    from days
),

final as (
    select
        numbered.year * 10000 + numbered.month * 100 + numbered.day_of_month as date_key,
        numbered.calendar_date,
        numbered.year,
        cast(ceil(numbered.month / 3.0) as integer) as quarter,
        numbered.month,
        numbered.week,
        numbered.day_of_month as day,
        numbered.day_of_month,
        numbered.day_of_week,
        numbered.day_of_week >= 6 as is_weekend,
        holidays.holiday_date is not null as is_holiday,
        holidays.holiday_name,
        case
            when {{ var('fiscal_year_start_month') }} > 1 and numbered.month >= {{ var('fiscal_year_start_month') }}
                then numbered.year + 1
            else numbered.year
        end as fiscal_year,
        cast(floor(numbered.fiscal_month_index / 3) + 1 as integer) as fiscal_quarter,
        cast(numbered.fiscal_month_index + 1 as integer) as fiscal_period
    from numbered
    left join holidays on numbered.calendar_date = holidays.holiday_date
)

select * from final
