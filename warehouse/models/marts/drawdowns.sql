with levels as (
    select p.symbol, p.date, p.low, p.high, p.close, p.close_total_return
    from core.prices as p
    inner join core.instruments as i on p.symbol = i.symbol
    where i.kind <> 'index'
),

-- arg_max(x, x) is max(x), at half its cost in a window.
peaks as (
    select
        symbol, date, close, close_total_return,
        arg_max(close, close) over sofar as peak_close,
        arg_max(close_total_return, close_total_return) over sofar as peak_total_return,
        low / arg_max(high, high) over sofar - 1 as drawdown_intraday
    from levels
    window sofar as (partition by symbol order by date rows between unbounded preceding and current row)
),

dated as (
    select
        *,
        last_value(case when close = peak_close then date end ignore nulls) over sofar as peak_date,
        last_value(case when close_total_return = peak_total_return then date end ignore nulls) over sofar
            as peak_date_total_return
    from peaks
    window sofar as (partition by symbol order by date rows between unbounded preceding and current row)
)

select
    symbol, 'price' as basis, date, close, peak_close, peak_date,
    close / peak_close - 1 as drawdown, drawdown_intraday
from dated
union all
select
    symbol, 'total_return' as basis, date, close_total_return as close, peak_total_return as peak_close,
    peak_date_total_return as peak_date,
    close_total_return / peak_total_return - 1 as drawdown, null as drawdown_intraday
from dated
