with levels as (
    select p.symbol, 'price' as basis, p.date, p.close
    from core.prices as p
    inner join core.instruments as i on p.symbol = i.symbol
    where i.kind <> 'index'
    union all
    select p.symbol, 'total_return' as basis, p.date, p.close_total_return as close
    from core.prices as p
    inner join core.instruments as i on p.symbol = i.symbol
    where i.kind <> 'index'
),

peaks as (
    select *, max(close) over (partition by symbol, basis order by date) as peak_close
    from levels
)

select
    symbol, basis, date, close, peak_close,
    max(case when close = peak_close then date end) over (partition by symbol, basis order by date) as peak_date,
    close / peak_close - 1 as drawdown
from peaks
