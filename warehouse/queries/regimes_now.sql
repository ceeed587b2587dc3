-- Which pairs are coupled or inverse now, and since when?
select base_symbol, other_symbol, window_sessions, state, start_date, round(mean_correlation, 2) as mean, n_sessions
from marts.correlation_regimes
where end_date is null and state <> 'decoupled'
order by base_symbol, window_sessions, mean desc
