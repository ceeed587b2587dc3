-- table: quality.coverage
-- severity: warning
-- message: The newest day due is not there; the tables show these series up to newest_date only
select source, dataset, symbol, newest_date, due_date, days_late
from quality.coverage
where status = 'late'
order by days_late desc, symbol
