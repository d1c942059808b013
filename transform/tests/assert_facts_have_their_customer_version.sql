-- A fact of a known customer points at exactly the version that was valid; a guest's fact at none.
select
    facts.transaction_id,
    facts.customer_id,
    facts.customer_key,
    versions.customer_id as version_of
from {{ ref('fct_transactions') }} as facts
left join {{ ref('dim_customer') }} as versions on facts.customer_key = versions.customer_key
where
    (facts.customer_id is null and facts.customer_key is not null)
    or (facts.customer_id is not null and versions.customer_id is distinct from facts.customer_id)
