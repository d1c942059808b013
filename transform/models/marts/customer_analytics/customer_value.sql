-- What to expect of each customer in the next 12 months, from the value model in use; empty before there is one.
with predictions as (
    select * from {{ source('scoring', 'value_predictions') }}
),

final as (
    select
        customer_id,
        expected_purchases_next_12_months
        {%- for end in ('', '_low', '_high') %},
        {{ money('expected_spend' ~ end) }} as expected_spend_next_12_months{{ end }},
        {{ money_share('expected_spend' ~ end, var('margin_pct')) }} as expected_margin_next_12_months{{ end }}
        {%- endfor %},
        probability_alive
    from predictions
)

select * from final
order by customer_id
