-- table: quality.coverage
-- severity: error
-- message: Days are missing inside history; returns over the gap are left out
select source, dataset, symbol, n_missing, last_missing_date
from quality.coverage
where n_missing > 0
order by n_missing desc, symbol
