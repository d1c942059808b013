-- Where rows came in, some are used: a build in which a whole table was rejected answers nothing and is not published.
select *
from {{ ref('row_reconciliation') }}
where bronze_rows > 0 and silver_rows = 0
