-- When did bitcoin first cross each price level since October 2025, by close and within the day?
select level, basis, direction, date, price, close, previous_close, crossing_number
from marts.level_crossings
where symbol = 'BTC' and date >= '2025-10-01'
qualify row_number() over (partition by level, basis, direction order by date) = 1
order by level desc, direction, basis, date
