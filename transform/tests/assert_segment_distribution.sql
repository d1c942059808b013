-- Flags a segment whose share of the customers is outside what the contract expects of a bank (S3.70 to S3.74). Other
-- companies, and a handful of customers, have other shares.
{{ config(severity='warn') }}
with segments as (
    select * from {{ ref('customer_segments') }}
),

totals as (
    select
        count(*) as customers,
        count(travel_pct_90_days) > 0 and count(necessities_pct_90_days) > 0 as is_bank
    from segments
),

expected as (
    {%- for segment, (least, most) in {
        'High-Value Travelers': (10, 15), 'Stable Mid-Spenders': (40, 50), 'Budget-Conscious': (20, 25),
        'New & Growing': (10, 15), 'Declining': (5, 10),
    }.items() %}
    select
        '{{ segment }}' as customer_segment,
        {{ least }} as least_pct,
        {{ most }} as most_pct
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

found as (
    select
        expected.customer_segment,
        expected.least_pct,
        expected.most_pct,
        100.0 * count(segments.customer_id) / max(totals.customers) as share_pct
    from expected
    cross join totals
    left join segments on expected.customer_segment = segments.customer_segment
    where totals.is_bank and totals.customers >= 1000
    group by expected.customer_segment, expected.least_pct, expected.most_pct
)

select *
from found
where share_pct not between least_pct and most_pct
