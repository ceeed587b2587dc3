-- table: quality.coverage
-- severity: warning
-- message: A second source's close is further from the one in use than the instrument's tolerance; one of the two is wrong that day
select o.symbol, o.date, u.source as source_in_use, u.close as close_in_use, o.source, o.close, o.close / u.close - 1 as difference
from latest.daily_bars as o
inner join core.instruments as i on o.symbol = i.symbol and o.source <> i.daily_source
inner join latest.daily_bars as u on o.symbol = u.symbol and o.date = u.date and u.source = i.daily_source
where abs(o.close / u.close - 1) > i.cross_check_tolerance
order by o.date desc, o.symbol
