with spans as (
    select
        symbol, basis, peak_date,
        min(drawdown) as depth,
        min(case when drawdown < 0 then date end) as first_under_date,
        -- Of equally low days the first.
        arg_min(date, struct_pack(drawdown := drawdown, date := date)) as valley_date,
        min(case when drawdown < 0 then drawdown_intraday end) as depth_intraday,
        count(case when drawdown < 0 then 1 end) as n_obs
    from marts.drawdowns
    group by symbol, basis, peak_date
),

-- The close that reaches a peak again is the next peak.
ended as (
    select *, lead(peak_date) over (partition by symbol, basis order by peak_date) as recovery_date
    from spans
)

select
    symbol, basis, peak_date, first_under_date, valley_date, recovery_date, depth, depth_intraday,
    date_diff('day', peak_date, valley_date) as days_to_valley,
    date_diff('day', peak_date, recovery_date) as days_to_recovery,
    n_obs,
    recovery_date is null as is_open
from ended
where n_obs > 0
