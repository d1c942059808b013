{#- What a roll-up holds of the transactions behind each of its rows (the semantic model's x_nl.rollups). -#}
{% macro transaction_measures() -%}
    cast(count(*) as bigint) as row_count,
        {{ money('sum(transaction_amount)') }} as transaction_amount_sum,
        cast(count(transaction_amount) as bigint) as transaction_amount_count,
        min(transaction_amount) as transaction_amount_min,
        max(transaction_amount) as transaction_amount_max,
        {{ money('sum(attempted_amount)') }} as attempted_amount_sum,
        cast(sum(quantity) as bigint) as quantity_sum
{%- endmacro %}

{#- The same from the rows of another roll-up. -#}
{% macro rolled_up_measures() -%}
    cast(coalesce(sum(row_count), 0) as bigint) as row_count,
        {{ money('sum(transaction_amount_sum)') }} as transaction_amount_sum,
        cast(coalesce(sum(transaction_amount_count), 0) as bigint) as transaction_amount_count,
        min(transaction_amount_min) as transaction_amount_min,
        max(transaction_amount_max) as transaction_amount_max,
        {{ money('sum(attempted_amount_sum)') }} as attempted_amount_sum,
        cast(sum(quantity_sum) as bigint) as quantity_sum
{%- endmacro %}
