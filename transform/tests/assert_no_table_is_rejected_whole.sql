-- Where rows came in, some are used: a build in which a whole table was rejected answers nothing and is not published.
-- A source behind an API that gives nothing of use must not keep everybody else from a build.
select *
from {{ ref('row_reconciliation') }}
where bronze_rows > 0 and silver_rows = 0 and table_name not like 'api!_%' escape '!'
