-- Which series are complete, which have gaps, which are due or late?
select source, dataset, symbol, first_date, newest_date, due_date, deadline_at, n_missing, days_late, status
from quality.coverage
order by case status when 'late' then 1 when 'due' then 2 when 'gap' then 3 else 4 end, source, dataset, symbol
