{#- The segment of a customer: the first rule that holds, in the order of the contract (X.7). A figure that the dataset
    cannot have is null and makes its rule not hold. -#}
{% macro segment_of(change_pct, is_new, monthly_spend, travel_pct, necessities_pct) -%}
    case
            when {{ change_pct }} <= -{{ var('declining_drop_pct') }} then 'Declining'
            when {{ is_new }} and coalesce({{ change_pct }} >= {{ var('new_growth_pct') }}, true)
                then 'New & Growing'
            when
                {{ monthly_spend }} >= {{ var('high_value_monthly_spend') }}
                and {{ travel_pct }} >= {{ var('high_value_travel_pct') }}
                then 'High-Value Travelers'
            when
                {{ monthly_spend }} < {{ var('budget_monthly_spend') }}
                and {{ necessities_pct }} >= {{ var('budget_necessities_pct') }}
                then 'Budget-Conscious'
            else 'Stable Mid-Spenders'
        end
{%- endmacro %}
