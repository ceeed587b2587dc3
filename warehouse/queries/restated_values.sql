-- Which values did a vendor change after giving them?
select table_name, source, symbol, date, item, old_value, new_value, seen_at
from core.restatements
order by seen_at desc, symbol, date
limit 50
