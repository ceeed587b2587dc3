-- How many rows are kept out of the tables, by the rule they broke?
select source, table_name, symbol, reason, count(*) as n_rows, min(row_date) as first_day, max(row_date) as last_day
from quality.rejected_rows
group by source, table_name, symbol, reason
order by n_rows desc, source, table_name, symbol, reason
