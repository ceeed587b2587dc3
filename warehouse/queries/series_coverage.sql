-- Which series are complete, which have gaps, which are late?
select source, dataset, symbol, first_date, newest_date, due_date, n_missing, days_late, status
from quality.coverage
order by status desc, source, dataset, symbol
