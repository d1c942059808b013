{#- A month of the churn models: so many days, counted back from the as-of date, so that all months are alike and every
    cutoff lies between two of them. -#}
{% macro days_of_month() -%}
    30
{%- endmacro %}

{#- A sum over the months from one to another before a cutoff; 1 is the month that ends with it. -#}
{% macro over_months(column, first, last) -%}
    sum(case when month_number between {{ first }} and {{ last }} then {{ column }} else 0 end)
{%- endmacro %}

{#- What a churn model sees, in the order of its columns; customer360.churn.features says of each when it is known. -#}
{% macro churn_feature_names() -%}
    {{ return([
        'age', 'country', 'state', 'employment_status', 'customer_type', 'card_type', 'credit_limit',
        'account_tenure_months', 'product_count', 'days_since_last_transaction', 'recency_status',
        'days_between_active_days', 'recency_to_usual_gap', 'transaction_count', 'transactions_last_30_days',
        'transactions_last_90_days', 'transactions_prior_90_days', 'transactions_change_pct',
        'active_days_last_30_days', 'active_days_last_90_days', 'active_days_change_pct', 'declined_pct',
        'declined_last_90_days_pct', 'returned_last_90_days_pct', 'lifetime_value', 'avg_transaction_value',
        'baseline_monthly_spend', 'spend_last_90_days', 'spend_prior_90_days', 'spend_change_pct',
        'seasonally_adjusted_spend_change_pct', 'spend_momentum', 'spend_to_baseline_pct', 'spend_month_1',
        'spend_month_2', 'spend_month_3', 'spend_month_4', 'spend_month_5', 'spend_month_6',
        'spend_trend_pct_per_month', 'spend_volatility_pct', 'travel_spend_pct', 'necessities_spend_pct',
        'travel_last_90_days_pct', 'necessities_last_90_days_pct', 'credit_utilization_pct',
        'is_high_value_travelers', 'is_new_and_growing', 'is_budget_conscious', 'is_declining',
        'is_stable_mid_spenders',
    ]) }}
{%- endmacro %}
