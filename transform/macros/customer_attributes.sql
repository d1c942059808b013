{#- The attributes of a customer that a source can state, with their types. -#}
{% macro customer_attributes() -%}
    {{ return({
        'first_name': 'varchar', 'last_name': 'varchar', 'email': 'varchar', 'age': 'integer',
        'country': 'varchar', 'state': 'varchar', 'city': 'varchar', 'employment_status': 'varchar',
        'customer_type': 'varchar', 'card_type': 'varchar', 'credit_limit': 'decimal(12, 2)',
        'account_open_date': 'date', 'decline_type': 'varchar',
    }) }}
{%- endmacro %}
