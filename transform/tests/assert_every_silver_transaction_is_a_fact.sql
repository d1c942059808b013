select
    reconciliation.silver_rows,
    facts.fact_rows
from {{ ref('row_reconciliation') }} as reconciliation
cross join (select count(*) as fact_rows from {{ ref('fct_transactions') }}) as facts
where
    reconciliation.table_name = 'transactions'
    and reconciliation.silver_rows <> facts.fact_rows
