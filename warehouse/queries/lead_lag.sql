-- Does bitcoin lead a benchmark or basket, or follow it by so many sessions (positive lags)?
select
    other_symbol, date, arg_max(lag_sessions, abs(correlation)) as strongest_lag,
    round(arg_max(correlation, abs(correlation)), 2) as correlation_there,
    round(max(correlation) filter (where lag_sessions = 0), 2) as correlation_same_session
from marts.lead_lag_correlations
where base_symbol = 'BTC' and window_sessions = 90 and correlation is not null
group by other_symbol, date
order by date desc, other_symbol
limit 20
