-- How closely does bitcoin follow a benchmark, with its 95 % interval and the regime of each session?
select
    c.date, round(c.correlation, 3) as correlation, round(c.ci_low, 3) as ci_low, round(c.ci_high, 3) as ci_high, c.n,
    r.state
from marts.correlations as c
left join marts.correlation_regimes as r
    on c.base_symbol = r.base_symbol and c.other_symbol = r.other_symbol and c.window_sessions = r.window_sessions
    and c.date >= r.start_date and (c.date <= r.end_date or r.end_date is null)
where
    c.base_symbol = 'BTC' and c.other_symbol = $other_symbol and c.window_sessions = $window_sessions
    and c.alignment = 'exchange_close' and c.method = 'pearson' and c.correlation is not null
order by c.date
