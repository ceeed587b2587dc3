-- Which checks did not hold in the published run?
select severity, table_name, check_name, n_failing, message
from quality.check_results
where not passed and run_id = (select value from meta where key = 'run_id')
order by severity, table_name, check_name
