{#- The one registry of what a row must fulfil. Each rule: a name, the kind of promise it is (completeness, consistency,
    referential, temporal), the condition that must hold, and the sentence that says it does not.
    A bronze row that breaks a rule of its table is rejected (base_*, rejects); `customer_profiles` holds the rules
    that only lower a customer's score (customer_quality). Both are counted in MONITORING.DATA_QUALITY_RESULTS.
    A condition that cannot be told (null) holds. -#}
{% macro quality_rules(table) -%}
    {%- set attributes = customer_attributes().keys() | join("', '") -%}
    {%- set fits = [] -%}
    {%- for attribute, type in customer_attributes().items() if type != 'varchar' -%}
        {%- do fits.append("when '" ~ attribute ~ "' then " ~ cast_text('new_value', type) ~ " is not null") -%}
    {%- endfor -%}
    {{ return({
        'customers': [
            ('customer_id_present', 'completeness', "customer_id is not null", "customer_id is missing"),
            ('observed_at_present', 'completeness', "observed_at is not null", "observed_at is missing"),
        ],
        'customer_changes': [
            ('change_id_present', 'completeness', "change_id is not null", "change_id is missing"),
            ('customer_id_present', 'completeness', "customer_id is not null", "customer_id is missing"),
            ('effective_at_present', 'completeness', "effective_at is not null", "effective_at is missing"),
            ('attribute_known', 'consistency', "coalesce(attribute, '') in ('" ~ attributes ~ "')",
             "attribute is not one of a customer"),
            ('new_value_present', 'completeness', "nullif(trim(new_value), '') is not null", "new_value is missing"),
            ('new_value_fits', 'consistency',
             "new_value is null or case attribute " ~ fits | join(' ') ~ " else true end",
             "new_value does not fit its attribute"),
        ],
        'transactions': [
            ('transaction_id_present', 'completeness', "transaction_id is not null", "transaction_id is missing"),
            ('transaction_id_once', 'consistency', "not is_repeat", "transaction_id is repeated"),
            ('transaction_date_present', 'completeness', "transaction_date is not null", "transaction_date is missing"),
            ('transaction_date_not_in_future', 'temporal',
             "coalesce(transaction_date <= " ~ as_of_date() ~ ", true)", "transaction_date is after the as-of date"),
            ('transaction_date_after_opening', 'temporal', "coalesce(transaction_date >= account_open_date, true)",
             "transaction_date is before the account was opened"),
            ('transaction_amount_present', 'completeness', "transaction_amount is not null",
             "transaction_amount is missing"),
            ('customer_known', 'referential', "customer_id is null or known_customer_id is not null",
             "customer_id is not a known customer"),
            ('merchant_category_known', 'referential', "known_category_id is not null",
             "merchant_category_id is not a known category"),
            ('product_known', 'referential', "product_id is null or known_product_id is not null",
             "product_id is not a known product"),
            ('transaction_type_known', 'consistency',
             "coalesce(transaction_type, '') in ('purchase', 'return', 'fee', 'adjustment')",
             "transaction_type is not purchase, return, fee or adjustment"),
            ('status_known', 'consistency', "coalesce(status, '') in ('approved', 'declined')",
             "status is not approved or declined"),
            ('currency_of_dataset', 'consistency', "coalesce(currency, '') = '" ~ var('currency') ~ "'",
             "currency is not " ~ var('currency')),
        ],
        'merchant_categories': [
            ('category_id_present', 'completeness', "category_id is not null", "category_id is missing"),
            ('category_name_present', 'completeness', "category_name is not null", "category_name is missing"),
            ('category_group_known', 'consistency',
             "coalesce(category_group, '') in ('Leisure', 'Necessities', 'Other')",
             "category_group is not Leisure, Necessities or Other"),
            ('category_id_once', 'consistency', "occurrence = 1", "category_id is repeated"),
        ],
        'products': [
            ('product_id_present', 'completeness', "product_id is not null", "product_id is missing"),
        ],
        'customer_products': [
            ('customer_known', 'referential', "known_customer_id is not null", "customer_id is not a known customer"),
            ('product_known', 'referential', "known_product_id is not null", "product_id is not a known product"),
            ('start_date_present', 'completeness', "start_date is not null", "start_date is missing"),
            ('start_date_not_in_future', 'temporal', "coalesce(start_date <= " ~ as_of_date() ~ ", true)",
             "start_date is after the as-of date"),
            ('end_date_after_start', 'temporal', "coalesce(end_date >= start_date, true)",
             "end_date is before start_date"),
            ('holding_once', 'consistency', "occurrence = 1", "the holding is repeated"),
        ],
        'api_customers': [
            ('source_contract', 'consistency', "reject_code is null", "the contract of the source refuses the record"),
            ('source_customer_id_present', 'completeness', "nullif(" ~ trimmed('source_customer_id') ~ ", '') is not null",
             "source_customer_id is missing"),
        ],
        'api_carts': [
            ('source_contract', 'consistency', "reject_code is null", "the contract of the source refuses the record"),
            ('source_cart_id_present', 'completeness', "nullif(" ~ trimmed('source_cart_id') ~ ", '') is not null",
             "source_cart_id is missing"),
            ('source_customer_id_present', 'completeness', "nullif(" ~ trimmed('source_customer_id') ~ ", '') is not null",
             "source_customer_id is missing"),
            ('total_amount_present', 'completeness', "total_amount is not null", "total_amount is missing"),
        ],
        'customer_profiles': [
            ('email', 'consistency', matches('email', email_pattern()), "email is not an address"),
            ('age', 'consistency', "age between " ~ var('quality_youngest_age') ~ " and " ~ var('quality_oldest_age'),
             "age is not one of a customer"),
            ('credit_limit', 'consistency', "credit_limit > 0", "credit_limit is not positive"),
            ('account_open_date', 'temporal', "account_open_date <= " ~ as_of_date(),
             "account_open_date is after the as-of date"),
        ],
    }[table]) }}
{%- endmacro %}

{#- The form of an e-mail address; ingest.api_report has the same. -#}
{% macro email_pattern() -%}
    {{ return('[^@\\s]+@[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)+') }}
{%- endmacro %}

{#- The bronze tables whose rows can be rejected, with the natural key of each. -#}
{% macro rejectable_tables() -%}
    {{ return({
        'customers': 'customer_id', 'customer_changes': 'change_id', 'transactions': 'transaction_id',
        'merchant_categories': 'category_id', 'products': 'product_id', 'customer_products': 'product_id',
        'api_customers': 'source_customer_id', 'api_carts': 'source_cart_id',
    }) }}
{%- endmacro %}
