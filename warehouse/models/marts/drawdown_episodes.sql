with path as (
    select
        d.symbol, d.basis, d.date, d.drawdown, d.peak_date,
        lead(d.date) over (partition by d.symbol, d.basis order by d.date) as next_date,
        case when d.basis = 'price' then p.low end as low,
        case when d.basis = 'price' then
            max(p.high) over (partition by d.symbol, d.basis order by d.date) end as highest_high
    from marts.drawdowns as d
    inner join core.prices as p on d.symbol = p.symbol and d.date = p.date
),

falls as (
    select
        *,
        min(drawdown) over (partition by symbol, basis, peak_date) as depth,
        max(date) over (partition by symbol, basis, peak_date) as last_date
    from path
    where drawdown < 0
),

episodes as (
    select
        symbol, basis, peak_date, depth,
        min(date) as first_under_date,
        min(case when drawdown = depth then date end) as valley_date,
        max(case when date = last_date then next_date end) as recovery_date,
        min(low / highest_high) - 1 as depth_intraday,
        count(*) as n_obs
    from falls
    group by symbol, basis, peak_date, depth
)

select
    symbol, basis, peak_date, first_under_date, valley_date, recovery_date, depth, depth_intraday,
    date_diff('day', peak_date, valley_date) as days_to_valley,
    date_diff('day', peak_date, recovery_date) as days_to_recovery,
    n_obs,
    recovery_date is null as is_open
from episodes
