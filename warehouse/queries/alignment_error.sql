-- How far off is a correlation when bitcoin is joined on the date instead of at the New York close?
select
    a.other_symbol, n.alignment, count(*) as n_windows,
    round(avg(abs(n.correlation - a.correlation)), 3) as mean_error,
    round(max(abs(n.correlation - a.correlation)), 3) as largest_error
from marts.correlations as a
inner join marts.correlations as n using (base_symbol, other_symbol, date, window_sessions, method)
where a.base_symbol = 'BTC' and a.window_sessions = 30 and a.alignment = 'exchange_close' and n.alignment <> 'exchange_close'
group by a.other_symbol, n.alignment
order by a.other_symbol, n.alignment
