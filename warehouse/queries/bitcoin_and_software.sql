-- How closely does bitcoin follow software stocks (IGV), 30 sessions, sampled at the New York close?
select date, round(correlation, 2) as correlation, round(ci_low, 2) as ci_low, round(ci_high, 2) as ci_high, n
from marts.correlations
where
    base_symbol = 'BTC' and other_symbol = 'IGV' and window_sessions = 30
    and method = 'pearson' and alignment = 'exchange_close'
order by date desc
limit 30
