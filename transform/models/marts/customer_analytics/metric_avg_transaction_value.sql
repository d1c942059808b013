with summary as (
    select * from {{ ref('int_customer_transaction_summary') }}
),

final as (
    {%- for window, (amount, transactions) in {
        'lifetime': ('lifetime_value', 'approved_transactions'),
        'last_90_days': ('spend_last_90_days', 'approved_last_90_days'),
        'last_60_days': ('spend_last_60_days', 'approved_last_60_days'),
        'last_30_days': ('spend_last_30_days', 'approved_last_30_days'),
    }.items() %}
    select
        customer_id,
        '{{ window }}' as value_window,
        {{ money_per(amount, transactions) }} as value
    from summary
    {{ 'union all' if not loop.last }}
    {%- endfor %}
)

select * from final
order by customer_id, value_window
