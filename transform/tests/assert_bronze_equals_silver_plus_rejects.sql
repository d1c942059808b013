-- Every row that came in is used or rejected with a reason; none is lost and none is made up.
select *
from {{ ref('row_reconciliation') }}
where bronze_rows <> silver_rows + rejected_rows
