-- table: quality.coverage
-- severity: warning
-- message: Over the last 60 days a second source's returns fit the source in use better when moved by a day or a session; one of the two has its dates off by one
with returns as (
    select
        b.symbol, b.source, b.source = i.daily_source as in_use, b.date,
        ln(b.close / lag(b.close) over series) as log_return,
        lag(b.date) over series as date_before,
        lead(b.date) over series as date_after
    from latest.daily_bars as b
    inner join core.instruments as i on b.symbol = i.symbol
    window series as (partition by b.symbol, b.source order by b.date)
),

moved as (
    -- Where the second source has the return of a day, if its dates are moved.
    select *, 'as dated' as moved, date as other_date from returns
    union all
    select *, 'a day late', date + 1 from returns
    union all
    select *, 'a day early', date - 1 from returns
    union all
    select *, 'a session late', date_after from returns
    union all
    select *, 'a session early', date_before from returns
),

correlations as (
    select
        u.symbol, u.source as source_in_use, o.source, u.moved, count(*) as n,
        corr(u.log_return, o.log_return) as correlation
    from moved as u
    inner join returns as o on u.symbol = o.symbol and u.other_date = o.date and not o.in_use
    cross join latest.run_window as w
    where u.in_use and u.date > w.as_of - 60 and u.log_return is not null and o.log_return is not null
    group by u.symbol, u.source, o.source, u.moved
),

known as (
    -- Fewer than twenty returns, or returns that do not move, say nothing.
    select * from correlations where n >= 20 and correlation between -1.001 and 1.001
)

select m.symbol, m.source_in_use, m.source, m.moved, m.n, m.correlation, k.correlation as correlation_as_dated
from known as m
left join known as k
    on m.symbol = k.symbol and m.source_in_use = k.source_in_use and m.source = k.source and k.moved = 'as dated'
where m.moved <> 'as dated' and m.correlation > 0.5 and m.correlation > coalesce(k.correlation, -1)
qualify row_number() over (partition by m.symbol, m.source order by round(m.correlation, 6) desc, m.n desc, m.moved) = 1
order by m.symbol, m.source
