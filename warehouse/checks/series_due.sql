-- table: quality.coverage
-- severity: warning
-- message: The newest day due is not there yet; its vendor has until deadline_at to show it
select source, dataset, symbol, newest_date, due_date, deadline_at
from quality.coverage
where status = 'due'
order by deadline_at, symbol
