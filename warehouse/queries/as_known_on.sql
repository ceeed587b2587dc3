-- What were bitcoin's newest closes as known at the end of March 2026?
select symbol, date, close, source, known_at
from raw.daily_bars
where symbol = 'BTC' and known_at <= '2026-04-01 00:00:00'
qualify row_number() over (partition by source, symbol, date order by known_at desc, load_id desc) = 1
order by date desc
limit 5
