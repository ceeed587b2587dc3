with candidates as (
    select
        b.symbol, s.date, s.close_at, b.start_at, b.close, b.source,
        row_number() over (partition by b.symbol, s.date order by b.start_at desc) as nearest
    from latest.hourly_bars as b
    inner join core.instruments as i on b.symbol = i.symbol and b.source = i.hourly_source
    inner join core.sessions as s on cast(b.start_at as date) = s.date
    where
        b.start_at <= s.close_at - interval 1 hour
        and b.start_at >= s.close_at - interval 3 hour
)

select symbol, date, close_at, start_at + interval 1 hour as priced_at, close, source
from candidates
where nearest = 1
