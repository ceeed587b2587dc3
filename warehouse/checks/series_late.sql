-- table: quality.coverage
-- severity: error
-- message: The newest day is not there although its deadline has passed; the tables show these series up to newest_date only
select source, dataset, symbol, newest_date, due_date, deadline_at, days_late
from quality.coverage
where status = 'late'
order by days_late desc, symbol
