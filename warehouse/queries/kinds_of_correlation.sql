-- Do Pearson's, Spearman's and the exponentially weighted correlation of bitcoin with a benchmark agree?
select
    other_symbol, date, method, window_sessions, round(correlation, 2) as correlation,
    round(ci_low, 2) as ci_low, round(ci_high, 2) as ci_high, n
from marts.correlations
where base_symbol = 'BTC' and other_symbol in ('QQQ', 'IGV') and alignment = 'exchange_close'
qualify row_number() over (partition by other_symbol, method, window_sessions order by date desc) = 1
order by other_symbol, method, window_sessions
