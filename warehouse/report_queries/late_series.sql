-- Which series are late or have days missing inside their history?
select source, dataset, symbol, status, newest_date, due_date, days_late, n_missing, last_missing_date
from quality.coverage
where status <> 'ok'
order by status desc, days_late desc, source, dataset, symbol
