-- In hindsight, when did bitcoin's correlation with a benchmark change, and what did the regimes known then say?
select
    b.other_symbol, b.start_date as break_date, round(b.mean_correlation, 2) as mean_correlation, b.n_sessions,
    r.state as state_then, r.start_date as state_since
from marts.correlation_breaks as b
left join marts.correlation_regimes as r
    on b.base_symbol = r.base_symbol and b.other_symbol = r.other_symbol and r.window_sessions = 90
    and b.start_date >= r.start_date and (b.start_date <= r.end_date or r.end_date is null)
order by b.other_symbol, b.start_date
