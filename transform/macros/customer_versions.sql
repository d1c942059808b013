{#- The UTC moment of a transaction: the start of its day where only the day is known. -#}
{% macro occurred_at(transaction_at, transaction_date) -%}
    coalesce({{ transaction_at }}, {{ to_utc(start_of_day(transaction_date)) }})
{%- endmacro %}

{#- Whether a version of a customer is the one of a moment. What is older than anything known belongs to the first. -#}
{% macro is_version_at(versions, moment) -%}
    ({{ moment }} >= {{ versions }}.valid_from or {{ versions }}.version_number = 1)
            and ({{ moment }} < {{ versions }}.valid_to or {{ versions }}.valid_to is null)
{%- endmacro %}

{#- Points carried facts at the versions that their customers have now; nothing where no facts are carried. -#}
{% macro rekey_facts() -%}
    {%- if var('carries_facts') -%}
    update {{ this }} as facts
    set customer_key = versions.customer_key
    from {{ ref('int_customer_versions') }} as versions
    where
        facts.customer_id = versions.customer_id
        and facts.customer_id in (
            select customer_id from (
                select customer_id, customer_key, valid_from, valid_to from {{ ref('int_customer_versions') }}
                except
                select customer_id, customer_key, valid_from, valid_to from carried.customer_versions
            ) as changed
        )
        and {{ is_version_at('versions', occurred_at('facts.transaction_at', 'facts.transaction_date')) }}
        and facts.customer_key <> versions.customer_key
    {%- endif -%}
{%- endmacro %}
