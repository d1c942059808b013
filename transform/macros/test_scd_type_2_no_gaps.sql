{#- Rows of a type 2 dimension that do not end where the next version starts. -#}
{% macro scd_type_2_gaps(relation, key) -%}
    select *
    from (
        select
            {{ key }},
            valid_from,
            valid_to,
            lead(valid_from) over (partition by {{ key }} order by valid_from) as next_from
        from {{ relation }}
    ) as versions
    where next_from is not null and (valid_to is null or valid_to <> next_from)
{%- endmacro %}
