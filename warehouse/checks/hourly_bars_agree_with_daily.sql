-- table: core.session_closes
-- severity: warning
-- message: The last hourly bar of a UTC day is over 1 % away from the daily close in use
with last_hours as (
    select symbol, source, cast(start_at as date) as date, close
    from latest.hourly_bars
    where extract('hour' from start_at) = 23
)

select h.symbol, h.date, h.close as hourly_close, d.close as daily_close
from last_hours as h
inner join core.instruments as i on h.symbol = i.symbol and h.source = i.hourly_source
inner join latest.daily_bars as d on h.symbol = d.symbol and d.source = i.daily_source and h.date = d.date
where abs(h.close / d.close - 1) > 0.01
order by h.date desc
