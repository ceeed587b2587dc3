-- Which series could not be loaded in this run, and why?
select source, dataset, symbol, outcome, reason
from quality.loads
where run_id = (select value from meta where key = 'run_id') and outcome not in ('ok', 'empty')
order by source, dataset, symbol
